// Any bytes as another tool's ONNX file: compiled or kept, an error or a valid Model.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/compare.hpp>
#include <slipway/model/model.hpp>
#include <slipway/package/import.hpp>
#include <slipway/package/onnx.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto& model : {package::import_onnx(bytes), package::keep_onnx(bytes)}) {
    if (!model.ok()) continue;
    if (!model::validate(*model).ok()) std::abort();
    const auto written = package::write_onnx(*model);
    if (!written.ok()) continue;  // a formula that repeats itself may outgrow the format
    const auto again = package::read_onnx(*written);
    if (!again.ok() || model::first_difference(*model, *again)) std::abort();
  }
  return 0;
}
