#pragma once

#include <memory>
#include <string>

#include "http/http_client.h"

namespace tapeline::http {

// HTTP/1.1 by Boost.Beast, TLS by OpenSSL: a connection for each request. A server's certificate has to be
// for its name and by an authority that the system trusts; SSL_CERT_FILE and SSL_CERT_DIR name others, as for
// every program that uses OpenSSL.
[[nodiscard]] std::unique_ptr<HttpClient> make_beast_http_client(std::string user_agent);

}  // namespace tapeline::http
