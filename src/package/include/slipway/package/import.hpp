// Models of other tools, as Models: XGBoost's JSON and UBJSON files, LightGBM's text files, and any tool's ONNX file.
// What comes in scores as the tool that made it (within 1e-6), missing values and categories included, and from then on
// is a Model like one of our own.
//
// Every feature becomes an input of its own: a number, or a text for a categorical feature (integer codes, which carry
// no names, are read as their decimal text: "0", "1", ...). A tree's test of a set of categories becomes a column of a
// Lookup, 0 or 1. Thresholds are kept so that every float32 value takes the branch it took (XGBoost: x < t becomes x <=
// the float below t; LightGBM: the double is rounded down); values between -1.2e-38 and 0 count as 0, as on machines
// that flush subnormals.
//
// Refused with a clear message: linear trees, several targets, gblinear's and the trees' custom objectives by an
// unknown name, features beyond 20,000. The bytes may come from anywhere: what is truncated, corrupt or hostile is an
// invalid_input error, and memory stays within a small multiple of the file's size.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

enum class ImportFormat : std::uint8_t { xgboost_json, xgboost_ubj, lightgbm_text };
// "XGBoost JSON", "XGBoost UBJ", "LightGBM text".
std::string_view import_format_name(ImportFormat format);

// What the file looks like, from its first bytes; nothing if it is none of these.
std::optional<ImportFormat> recognise_import_format(std::string_view bytes);

// What these files do not say.
struct ImportOptions {
  std::string name = "imported";
  std::string target = "target";
  // Labels in the order of the class numbers; binary: [negative, positive]. Empty: "0", "1", ... Refused for a
  // regression, and where their number is not the model's.
  std::vector<std::string> classes = {};
  // XGBoost, early stopping: false takes the trees up to `best_iteration` where the file names one (as its scikit-learn
  // interface does), true all of them (as Booster.predict does). The model's metadata says how many were taken.
  bool all_rounds = false;
  // ONNX: names of the columns of an input that holds several side by side. Empty: "f0", "f1", ...
  std::vector<std::string> features = {};
};

// Reads a file of any of the formats. Metadata of the Model: "imported from" (tool and version), "objective", "rounds".
Result<model::Model> import_model(std::string_view bytes, const ImportOptions& options = {});

Result<model::Model> import_xgboost(std::string_view bytes, const ImportOptions& options = {});  // JSON or UBJ
Result<model::Model> import_lightgbm(std::string_view text, const ImportOptions& options = {});

// Any tool's ONNX file (skl2onnx, onnxmltools, ...), its nodes compiled into operators: from then on a Model like one
// of our own. What no operator says is an error that names the node; keep_onnx takes those files too. The caller
// compares the Model with ONNX Runtime before it trusts it: doubles become float32.
Result<model::Model> import_onnx(std::string_view bytes, const ImportOptions& options = {});
// Any tool's ONNX file kept whole, as a Model with one Foreign operator (and Decide behind it). Errors: inputs that are
// no rows of a table, no output of scores.
Result<model::Model> keep_onnx(std::string_view bytes, const ImportOptions& options = {});

}  // namespace slipway::package
