// Any bytes: read_onnx gives an error, or a Model that is written as the very same bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/model.hpp>
#include <slipway/package/onnx.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto model = slipway::package::read_onnx(bytes); model.ok()) {
    const auto written = slipway::package::write_onnx(*model);
    if (!written.ok() || *written != bytes || !slipway::model::validate(*model).ok()) std::abort();
  }
  if (const auto summary = slipway::package::summarise_onnx(bytes); summary.ok() && summary->ir_version <= 0)
    std::abort();
  return 0;
}
