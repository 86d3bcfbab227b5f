#include "wire_check.hpp"

#include <cstdint>
#include <span>

#include <fmt/format.h>

namespace slipway::package {

namespace {

// The messages of ONNX that hold messages, as far as we parse them.
enum class Message : std::uint8_t {
  model,
  graph,
  node,
  attribute,
  tensor,
  value_info,
  type,
  tensor_type,
  shape,
  dimension,
  operator_set,
  entry
};

struct Child {
  Message parent;
  std::uint32_t field;
  Message child;
};
constexpr Child children[] = {
    {Message::model, 7, Message::graph},       {Message::model, 8, Message::operator_set},
    {Message::model, 14, Message::entry},      {Message::graph, 1, Message::node},
    {Message::graph, 5, Message::tensor},      {Message::graph, 11, Message::value_info},
    {Message::graph, 12, Message::value_info}, {Message::node, 5, Message::attribute},
    {Message::attribute, 5, Message::tensor},  {Message::attribute, 6, Message::graph},
    {Message::value_info, 2, Message::type},   {Message::type, 1, Message::tensor_type},
    {Message::tensor_type, 2, Message::shape}, {Message::shape, 1, Message::dimension},
};

// Parsing may make this many objects for nothing, and one more for so many bytes.
constexpr std::size_t free_messages = 200'000;
constexpr std::size_t bytes_per_message = 24;
constexpr int most_depth = 40;  // of messages within messages

class WireCheck {
 public:
  explicit WireCheck(std::string_view bytes)
      : begin_(bytes.data()), limit_(free_messages + bytes.size() / bytes_per_message) {}

  Status check(std::string_view bytes, Message message, int depth = 0) {
    if (depth > most_depth) return invalid_input("graphs within graphs, too deep");
    if (++messages_ > limit_) return invalid_input(fmt::format("more than {} parts in so few bytes", limit_));
    while (!bytes.empty()) {
      const char* at = bytes.data();
      std::uint64_t tag = 0;
      if (!varint(bytes, tag) || tag >> 3 == 0 || tag >> 32 != 0) return corrupt(at);
      const auto field = static_cast<std::uint32_t>(tag >> 3);
      std::uint64_t value = 0;
      switch (tag & 7) {
        case 0:
          if (!varint(bytes, value)) return corrupt(at);
          break;
        case 1:
        case 5: {
          const std::size_t size = (tag & 7) == 1 ? 8 : 4;
          if (bytes.size() < size) return corrupt(at);
          bytes.remove_prefix(size);
          break;
        }
        case 2: {
          if (!varint(bytes, value) || value > bytes.size()) return corrupt(at);
          const std::string_view inside = bytes.substr(0, value);
          bytes.remove_prefix(value);
          for (const Child& one : children)
            if (one.parent == message && one.field == field) SLIPWAY_CHECK(check(inside, one.child, depth + 1));
          break;
        }
        default:
          return corrupt(at);
      }
    }
    return {};
  }

 private:
  Error corrupt(const char* at) const {
    return invalid_input(fmt::format("it is truncated or corrupt at byte {}, or no ONNX file", at - begin_));
  }

  static bool varint(std::string_view& bytes, std::uint64_t& value) {
    value = 0;
    for (std::size_t i = 0; i < 10 && i < bytes.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      value |= std::uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        bytes.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  const char* begin_;
  std::size_t limit_;
  std::size_t messages_ = 0;
};

}  // namespace

Status check_wire(std::string_view bytes) {
  if (bytes.empty()) return invalid_input("it is empty");
  return WireCheck(bytes).check(bytes, Message::model);
}

}  // namespace slipway::package
