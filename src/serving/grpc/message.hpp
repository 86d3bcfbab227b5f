// Reading and writing protobuf messages.
#pragma once
#include <string>
#include <string_view>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <slipway/base/result.hpp>
#include <slipway/journal/json_text.hpp>

namespace slipway::serving {

template <class Message>
Status read_message(std::string_view bytes, Message& message) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return invalid_input("the message cannot be read: its bytes are no protobuf message of this method");
  return {};
}

template <class Message>
Status write_message(const Message& message, std::string& out) {
  if (message.ByteSizeLong() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !message.AppendToString(&out))
    return unavailable("the answer is too large for one message");
  return {};
}

// Text that came as bytes.
inline Result<std::string_view> utf8(const std::string& bytes, std::string_view what) {
  if (!journal::is_utf8(bytes)) return invalid_input(std::string(what) + " is not UTF-8");
  return std::string_view(bytes);
}

inline void assign(std::string* field, std::string_view text) { field->assign(text.data(), text.size()); }

}  // namespace slipway::serving
