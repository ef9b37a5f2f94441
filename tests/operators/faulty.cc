// An operator that does what one should not, for tests/test_operators.py: its option says what.
#include <array>
#include <stdexcept>
#include <string>

#include <tapeline/operators/plugin.h>

namespace {

using namespace tapeline;

struct Row {
  operators::RowKey key;
  std::uint32_t orders;  // Four bytes of padding follow in `padded`.
};
struct WholeRow {
  operators::RowKey key;
  std::uint64_t orders;
};

class Faulty final : public operators::Operator {
 public:
  explicit Faulty(const operators::Options& options) : fault_(options.text("fault", "none")) {
    if (fault_ == "make") throw std::runtime_error("it was asked to fail");
  }

  const table::Schema& schema() const override {
    static const std::array whole{
        table::Column{"orders", table::ColumnType::u64, sizeof(operators::RowKey), "", "Orders."}};
    static const std::array part{
        table::Column{"orders", table::ColumnType::u32, sizeof(operators::RowKey), "", "Orders."}};
    static const table::Schema good{"faulty", "Orders so far.", sizeof(WholeRow), whole};
    static const table::Schema padded{"faulty", "Orders so far.", sizeof(Row), part};
    static const table::Schema taken{"bars", "Orders so far.", sizeof(WholeRow), whole};
    return fault_ == "padded" ? padded : fault_ == "name" ? taken : good;
  }

  void on_order(const operators::Context& context, const book::OrderChange&, const operators::Books& books,
                operators::Rows& rows) override {
    ++orders_;
    if (orders_ < 1'000) return;
    if (fault_ == "throw") throw std::runtime_error("a thousand orders are too many");
    if (fault_ == "size") rows.emit(Tail{books.row_key(context), 1, 2});
  }

 private:
  struct Tail {
    operators::RowKey key;
    std::uint64_t orders;
    std::uint64_t more;
  };

  std::string fault_;
  std::uint64_t orders_ = 0;
};

}  // namespace

TAPELINE_OPERATOR(Faulty)
