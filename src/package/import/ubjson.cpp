#include "ubjson.hpp"

#include <bit>

#include "refusal.hpp"

namespace slipway::package {

namespace {

constexpr int deepest = 64;

class UbjsonReader {
 public:
  explicit UbjsonReader(std::string_view bytes) : bytes_(bytes) {}

  nlohmann::json document() {
    nlohmann::json value = read_value(next_marker(), 0);
    while (at_ < bytes_.size() && bytes_[at_] == 'N') ++at_;
    if (at_ != bytes_.size()) stop("the document ended, but bytes follow");
    return value;
  }

 private:
  template <class... Arguments>
  [[noreturn]] void stop(fmt::format_string<Arguments...> format, Arguments&&... arguments) const {
    refuse("byte {}: {}", at_, fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  std::size_t left() const { return bytes_.size() - at_; }

  std::string_view take(std::size_t count) {
    if (count > left()) stop("the file ends here; {} more bytes were expected", count - left());
    const std::string_view taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }

  char take_marker() { return take(1)[0]; }

  // The next marker that is not a filler.
  char next_marker() {
    char marker = take_marker();
    while (marker == 'N') marker = take_marker();
    return marker;
  }

  template <class Unsigned>
  Unsigned big_endian() {
    Unsigned value = 0;
    for (const char byte : take(sizeof(Unsigned)))
      value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(byte));
    return value;
  }

  std::int64_t read_integer(char marker) {
    switch (marker) {
      case 'i':
        return static_cast<std::int8_t>(big_endian<std::uint8_t>());
      case 'U':
        return big_endian<std::uint8_t>();
      case 'I':
        return static_cast<std::int16_t>(big_endian<std::uint16_t>());
      case 'l':
        return static_cast<std::int32_t>(big_endian<std::uint32_t>());
      case 'L':
        return static_cast<std::int64_t>(big_endian<std::uint64_t>());
      default:
        stop("an integer was expected, found marker {:?}", marker);
    }
  }

  std::size_t read_length(char marker) {
    const std::int64_t length = read_integer(marker);
    if (length < 0) stop("a length of {}", length);
    return static_cast<std::size_t>(length);
  }

  std::string read_text(char length_marker) { return std::string(take(read_length(length_marker))); }

  // The bytes of a value of a type without content; 0 for those whose size varies.
  static std::size_t fixed_size(char type) {
    switch (type) {
      case 'i':
      case 'U':
      case 'C':
        return 1;
      case 'I':
        return 2;
      case 'l':
      case 'd':
        return 4;
      case 'L':
      case 'D':
        return 8;
      default:
        return 0;
    }
  }

  nlohmann::json read_value(char marker, int depth) {
    switch (marker) {
      case 'Z':
        return nullptr;
      case 'T':
        return true;
      case 'F':
        return false;
      case 'd':
        return static_cast<double>(std::bit_cast<float>(big_endian<std::uint32_t>()));
      case 'D':
        return std::bit_cast<double>(big_endian<std::uint64_t>());
      case 'C':
        return std::string(take(1));
      case 'S':
        return read_text(next_marker());
      case 'H':
        stop("numbers of arbitrary precision are not read");
      case '[':
        return read_array(depth + 1);
      case '{':
        return read_object(depth + 1);
      default:
        return read_integer(marker);
    }
  }

  struct Announcement {
    char type = 0;                     // of every element, or 0
    std::optional<std::size_t> count;  // of elements; without it the container has an end marker
  };

  Announcement read_announcement(char& marker) {
    Announcement announcement;
    marker = next_marker();
    if (marker == '$') {
      announcement.type = take_marker();
      marker = next_marker();
      if (marker != '#') stop("a typed container needs a count");
    }
    if (marker == '#') {
      announcement.count = read_length(next_marker());
      // Elements of a type without bytes could be announced by the billion.
      const std::size_t smallest = announcement.type == 0 ? 1 : std::max<std::size_t>(fixed_size(announcement.type), 1);
      if (announcement.type != 0 && std::string_view("ZTFN").find(announcement.type) != std::string_view::npos)
        stop("a container of elements without content");
      if (*announcement.count > left() / smallest)
        stop("{} elements are announced, but only {} bytes are left", *announcement.count, left());
    }
    return announcement;
  }

  nlohmann::json read_array(int depth) {
    if (depth > deepest) stop("values nest more than {} deep", deepest);
    char marker = 0;
    const Announcement announcement = read_announcement(marker);
    nlohmann::json array = nlohmann::json::array();
    if (announcement.count) {
      if (fixed_size(announcement.type) > 0) array.get_ref<nlohmann::json::array_t&>().reserve(*announcement.count);
      for (std::size_t i = 0; i < *announcement.count; ++i)
        array.push_back(read_value(announcement.type != 0 ? announcement.type : next_marker(), depth));
      return array;
    }
    for (; marker != ']'; marker = next_marker()) array.push_back(read_value(marker, depth));
    return array;
  }

  nlohmann::json read_object(int depth) {
    if (depth > deepest) stop("values nest more than {} deep", deepest);
    char marker = 0;
    const Announcement announcement = read_announcement(marker);
    nlohmann::json object = nlohmann::json::object();
    const auto read_member = [&](char length_marker) {
      std::string key = read_text(length_marker);
      const char type = announcement.type != 0 ? announcement.type : next_marker();
      object[std::move(key)] = read_value(type, depth);
    };
    if (announcement.count) {
      for (std::size_t i = 0; i < *announcement.count; ++i) read_member(next_marker());
      return object;
    }
    for (; marker != '}'; marker = next_marker()) read_member(marker);
    return object;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

nlohmann::json read_ubjson(std::string_view bytes) { return UbjsonReader(bytes).document(); }

}  // namespace slipway::package
