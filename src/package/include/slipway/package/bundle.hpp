// A bundle: the immutable folder that holds one trained model and all that belongs to it.
//
//   fraud/3/
//     manifest.json   what it is, its schema and lineage, and the digest of every other file
//     model.onnx      the model
//     ...             whatever else was asked for: profile.json, evaluation.json, report.html, saved_model/...
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/model.hpp>

namespace slipway::package {

// The content of manifest.json.
struct Manifest {
  struct File {
    std::string sha256;  // 64 lower-case hexadecimal digits
    std::uint64_t size = 0;
  };
  // How scores become a label.
  struct ThresholdPolicy {
    double threshold = 0.5;  // of the positive class's score
    std::string method;      // how it was chosen: "maximise f1", "default", "cost", ...
  };
  // Where the model came from.
  struct Lineage {
    std::string data_digest;
    std::string configuration_digest;
    std::string build;
    std::uint64_t seed = 0;
  };

  int format_version = 1;
  std::string name;
  std::optional<int> version;  // none until registered
  std::int64_t created = 0;    // microseconds since 1970; 0: set by BundleWriter::publish
  model::Task task = model::Task::binary;
  std::string target;
  std::vector<std::string> classes;
  std::string positive_class;           // binary: classes[1]; else empty
  std::vector<model::Input> inputs;     // the schema that requests are checked against
  std::vector<std::string> id_columns;  // carried through scoring, no inputs
  // The types that the files' columns had at training, as table::LoadOptions::types takes them: of the inputs and the
  // target. Later files are read by them.
  std::map<std::string, std::string> column_types;
  std::optional<ThresholdPolicy> threshold;  // binary only
  Lineage lineage;
  std::map<std::string, std::string> notes;  // free text
  std::map<std::string, File> files;         // relative path with '/' -> digest; all but manifest.json itself
};

std::string manifest_json(const Manifest& manifest);
// Errors name the field.
Result<Manifest> parse_manifest(std::string_view json);

// Collects the content of a bundle and publishes it whole or not at all.
class BundleWriter {
 public:
  // Fields that follow from the model or the files are overwritten.
  explicit BundleWriter(Manifest manifest) : manifest_(std::move(manifest)) {}
  // Adds model.onnx and fills in task, target, classes, inputs and threshold.
  Status add_model(const model::Model& model);
  // Adds a file by its path in the bundle ("report.html", "saved_model/saved_model.pb"). Absolute paths, "..",
  // "manifest.json" and names that stand already are errors.
  Status add_file(std::string name, std::string content);
  // Writes all files and the manifest into an empty folder that the caller publishes (a registry's).
  Status write(const std::filesystem::path& folder);
  // Writes the folder beside `path` and renames it there. Without replace, an existing folder is a conflict;
  // with it, one that is no bundle.
  Status publish(const std::filesystem::path& path, bool replace);
  const Manifest& manifest() const { return manifest_; }

 private:
  Manifest manifest_;
  std::map<std::string, std::string> contents_;
};

// An opened, verified bundle. Immutable; safe to use from several threads.
class Bundle {
 public:
  const std::filesystem::path& path() const { return path_; }
  const Manifest& manifest() const { return manifest_; }
  const model::Model& model() const { return model_; }
  // SHA-256 of manifest.json, and so of everything: what a registry records.
  const std::string& digest() const { return digest_; }
  bool has(std::string_view file_name) const { return manifest_.files.contains(std::string(file_name)); }
  // A listed file's content, checked against its digest once more. An unknown name is an error with the nearest.
  Result<std::string> read(std::string_view file_name) const;

 private:
  friend Result<Bundle> open_bundle(const std::filesystem::path& path);
  std::filesystem::path path_;
  Manifest manifest_;
  model::Model model_;
  std::string digest_;
};

// Opens a bundle: every listed file must be there with its size and digest (each that is not is named), the model must
// be readable and must agree with the manifest, and where a key is trusted (signature.hpp) the signature must be that
// key's. Files that are not listed are ignored.
Result<Bundle> open_bundle(const std::filesystem::path& path);

}  // namespace slipway::package
