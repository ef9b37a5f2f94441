#pragma once

#include <string>

#include "serve/alert_desk.h"
#include "serve/network/network.h"
#include "serve/rest_request.h"
#include "serve/rewind.h"
#include "serve/serving_thread.h"

namespace tapeline::serve {

[[nodiscard]] HttpResponse error_response(unsigned status, std::string_view message);
// Of an error of parse_rest_request or of a rewind.
[[nodiscard]] HttpResponse error_response(const Error& error);

// Answers what is not a file of the page. On the serving thread.
class RestApi {
 public:
  RestApi(Rewinder& rewinder, AlertDesk& alerts) : rewinder_(rewinder), alerts_(alerts) {}
  void set_network(const Network& network) { network_ = &network; }

  // `reply` is called now, or by the rewinder or the desk of alerts.
  void answer(ServingState& state, const RestRequest& request, const NetworkHandler::Reply& reply);

 private:
  void answer_book(ServingState& state, const RestRequest& request, Locate locate,
                   const NetworkHandler::Reply& reply);
  void answer_evidence(const RestRequest& request, const NetworkHandler::Reply& reply);
  void answer_past(ServingState& state, const RestRequest& request, Locate locate,
                   const NetworkHandler::Reply& reply);
  [[nodiscard]] HttpResponse metrics(const ServingState& state) const;

  Rewinder& rewinder_;
  AlertDesk& alerts_;
  const Network* network_ = nullptr;
};

// What `/v1/status` answers and the stream's table `status` tells: what the pipeline tells of itself, or null
// where none runs, and what is served.
[[nodiscard]] std::string status_json(const ServingState& state);

}  // namespace tapeline::serve
