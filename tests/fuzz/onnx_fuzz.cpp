// Any bytes: read_onnx gives an error, or a valid Model that comes back the same from a file of our own.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/compare.hpp>
#include <slipway/model/model.hpp>
#include <slipway/package/onnx.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto model = slipway::package::read_onnx(bytes); model.ok()) {
    const auto written = slipway::package::write_onnx(*model);
    if (!written.ok() || !slipway::model::validate(*model).ok()) std::abort();
    const auto again = slipway::package::read_onnx(*written);
    if (!again.ok() || slipway::model::first_difference(*model, *again)) std::abort();
  }
  if (const auto summary = slipway::package::summarise_onnx(bytes); summary.ok() && summary->ir_version <= 0)
    std::abort();
  return 0;
}
