#include <nlohmann/json.hpp>

#include <slipway/base/text.hpp>
#include <slipway/package/import.hpp>

#include "lightgbm.hpp"
#include "refusal.hpp"
#include "ubjson.hpp"
#include "xgboost.hpp"

namespace slipway::package {

std::string_view import_format_name(ImportFormat format) {
  switch (format) {
    case ImportFormat::xgboost_json:
      return "XGBoost JSON";
    case ImportFormat::xgboost_ubj:
      return "XGBoost UBJ";
    case ImportFormat::lightgbm_text:
      return "LightGBM text";
  }
  return "";
}

std::optional<ImportFormat> recognise_import_format(std::string_view bytes) {
  const std::string_view text = trim(bytes.substr(0, 4096));
  if (text == "tree" || text.starts_with("tree\n") || text.starts_with("tree\r\n")) return ImportFormat::lightgbm_text;
  if (!text.starts_with('{')) return std::nullopt;
  // After the brace JSON has a quote or a blank; UBJSON the marker of a key's length or of a count.
  if (text.size() > 1 && std::string_view("iUIlL#$N").find(text[1]) != std::string_view::npos)
    return ImportFormat::xgboost_ubj;
  return ImportFormat::xgboost_json;
}

Result<model::Model> import_xgboost(std::string_view bytes, const ImportOptions& options) {
  const bool binary = recognise_import_format(bytes) == ImportFormat::xgboost_ubj;
  auto model = guarded(import_format_name(binary ? ImportFormat::xgboost_ubj : ImportFormat::xgboost_json), [&] {
    const nlohmann::json document = binary ? read_ubjson(bytes) : nlohmann::json::parse(bytes);
    return read_xgboost(document, options, bytes.size());
  });
  if (!model.ok()) return std::move(model).error();
  return std::move(model).value();
}

Result<model::Model> import_lightgbm(std::string_view text, const ImportOptions& options) {
  auto model = guarded(import_format_name(ImportFormat::lightgbm_text), [&] { return read_lightgbm(text, options); });
  if (!model.ok()) return std::move(model).error();
  return std::move(model).value();
}

Result<model::Model> import_model(std::string_view bytes, const ImportOptions& options) {
  const auto format = recognise_import_format(bytes);
  if (!format)
    return invalid_input(
        "the file is none of " + list_names(std::vector<std::string>{"XGBoost JSON", "XGBoost UBJ", "LightGBM text"}) +
        " (pickled models, and XGBoost's old binary format, must be saved anew by the tool that made them)");
  return *format == ImportFormat::lightgbm_text ? import_lightgbm(bytes, options) : import_xgboost(bytes, options);
}

}  // namespace slipway::package
