#include "feed/itch50/printer.h"

#include <cstring>

#include <gtest/gtest.h>

#include "feed/itch50/spec_layout.h"

namespace tapeline::itch50 {
namespace {

Message empty_message(char type) {
  Message message;
  std::memset(&message, 0, sizeof message);
  message.header = {type, Locate{1}, 2, EventTime{34'200'000'000'001}};
  return message;
}

TEST(Printer, WritesEveryKindOfField) {
  Message add = empty_message('A');
  add.add_order.order_ref = OrderRef{18'446'744'073'709'551'615u};
  add.add_order.side = 'B';
  add.add_order.shares = 100;
  add.add_order.stock = Symbol("AAPL");
  add.add_order.price = Price{1'234'500};
  EXPECT_EQ(
      to_text(add),
      "AddOrder locate=1 tracking=2 time=09:30:00.000000001 order_ref=18446744073709551615 side=B shares=100 "
      "stock=AAPL price=123.4500");
  Message levels = empty_message('V');
  levels.mwcb_levels.level1 = Price8{412'345'678'901};
  levels.mwcb_levels.level2 = Price8{1};
  levels.mwcb_levels.level3 = Price8{18'446'744'073'709'551'615u};
  EXPECT_EQ(to_text(levels),
            "MwcbLevels locate=1 tracking=2 time=09:30:00.000000001 level1=4123.45678901 level2=0.00000001 "
            "level3=184467440737.09551615");
}

TEST(Printer, KeepsTheLineOneLineWhateverTheTextHolds) {
  Message sho = empty_message('Y');
  sho.reg_sho.stock = Symbol("A\nB \\\x7F");
  sho.reg_sho.action = '\0';
  EXPECT_EQ(to_text(sho),
            "RegSho locate=1 tracking=2 time=09:30:00.000000001 stock=A\\x0AB\\x20\\x5C\\x7F action=\\x00");
}

TEST(Printer, WritesTheHeaderOfAnUnknownType) {
  EXPECT_EQ(to_text(empty_message('z')), "Unknown type=z locate=1 tracking=2 time=09:30:00.000000001");
  EXPECT_EQ(to_text(empty_message('\xFF')), "Unknown type=\\xFF locate=1 tracking=2 time=09:30:00.000000001");
}

TEST(Printer, NamesTheFieldsOfEveryMessageInWireOrder) {
  for (const SpecMessage& spec : spec_messages()) {
    const std::string text = to_text(empty_message(spec.type));
    std::size_t at = 0;
    for (const SpecField& field : spec.fields) {
      const std::size_t found = text.find(" " + std::string(field.name) + "=", at);
      ASSERT_NE(found, std::string::npos) << text << ": " << field.name;
      at = found + 1;
    }
  }
}

}  // namespace
}  // namespace tapeline::itch50
