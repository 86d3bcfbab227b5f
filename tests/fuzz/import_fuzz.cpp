// Any bytes: import_model gives an error, or a Model that passes validate().
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/model/model.hpp>
#include <slipway/package/import.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const auto read :
       {slipway::package::import_model, slipway::package::import_lightgbm, slipway::package::import_xgboost})
    if (const auto model = read(bytes, {}); model.ok() && !slipway::model::validate(*model).ok()) std::abort();
  return 0;
}
