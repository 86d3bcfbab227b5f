// Any text as a configuration document: an error with a place, or values that can be walked and written.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/params/value.hpp>

namespace {

void walk(const slipway::params::Value& value) {
  (void)value.boolean().ok();
  (void)value.integer().ok();
  (void)value.number().ok();
  (void)value.string().ok();
  (void)value.strings().ok();
  (void)value.expect_keys({"name", "source"}, "fuzz").ok();
  for (const auto& item : value.items) walk(item);
  for (const auto& entry : value.entries) walk(entry.value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = slipway::params::parse_yaml({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
  if (!document.ok()) {
    if (document.error().message().find("fuzz.yaml") == std::string::npos) std::abort();
    return 0;
  }
  walk(*document);
  if (slipway::params::canonical(*document) != slipway::params::canonical(*document)) std::abort();
  return 0;
}
