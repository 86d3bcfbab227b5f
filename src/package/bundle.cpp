#include <fmt/format.h>

#include <slipway/base/file.hpp>
#include <slipway/base/hash.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>
#include <slipway/model/compare.hpp>
#include <slipway/package/bundle.hpp>
#include <slipway/package/onnx.hpp>
#include <slipway/package/signature.hpp>

#include "file_names.hpp"
#include "input_json.hpp"

namespace slipway::package {

namespace {

constexpr std::string_view manifest_name = "manifest.json";
constexpr std::string_view model_name = "model.onnx";

// Reads a listed file and checks its size and digest.
Result<std::string> read_verified(const std::filesystem::path& folder, const std::string& name,
                                  const Manifest::File& expected) {
  SLIPWAY_TRY(std::string content, read_file(folder / name));
  if (content.size() != expected.size)
    return check_failed(fmt::format("{}: {} bytes, the manifest says {}", name, content.size(), expected.size));
  if (const std::string found = sha256_hex(content); found != expected.sha256)
    return check_failed(fmt::format("{}: digest {}, the manifest says {}", name, found, expected.sha256));
  return content;
}

std::optional<float> threshold_of(const model::Model& model) {
  if (model.task != model::Task::binary) return std::nullopt;
  return std::get<model::Decide>(model.operators[model.label - model.inputs.size()]).threshold;
}

// What a manifest says of a model, as a Model without operators, so that two can be compared.
model::Model outline(const Manifest& manifest) {
  model::Model model;
  model.task = manifest.task;
  model.target = manifest.target;
  model.classes = manifest.classes;
  model.inputs = manifest.inputs;
  return model;
}

model::Model outline(const model::Model& full) {
  model::Model model;
  model.task = full.task;
  model.target = full.target;
  model.classes = full.classes;
  model.inputs = full.inputs;
  return model;
}

Status check_agreement(const Manifest& manifest, const model::Model& model) {
  if (const auto difference = first_difference(outline(manifest), outline(model)))
    return check_failed(fmt::format("manifest and model differ in {}", *difference));
  const auto threshold = threshold_of(model);
  if (threshold && manifest.threshold && static_cast<float>(manifest.threshold->threshold) != *threshold)
    return check_failed(
        fmt::format("the manifest's threshold is {}, the model's {}", manifest.threshold->threshold, *threshold));
  return {};
}

}  // namespace

Status BundleWriter::add_model(const model::Model& model) {
  SLIPWAY_TRY(std::string bytes, write_onnx(model));
  SLIPWAY_CHECK(add_file(std::string(model_name), std::move(bytes)));
  manifest_.task = model.task;
  manifest_.target = model.target;
  manifest_.classes = model.classes;
  manifest_.positive_class = model.task == model::Task::binary ? model.classes[1] : "";
  manifest_.inputs = model.inputs;
  if (const auto threshold = threshold_of(model)) {
    if (!manifest_.threshold) manifest_.threshold.emplace(Manifest::ThresholdPolicy{0.5, "default"});
    manifest_.threshold->threshold = tidy(*threshold);
  } else {
    manifest_.threshold.reset();
  }
  if (manifest_.name.empty()) manifest_.name = model.name;
  return {};
}

Status BundleWriter::add_file(std::string name, std::string content) {
  if (!is_inner_path(name) || name == manifest_name)
    return invalid_input(fmt::format("'{}' cannot be a file of a bundle", name));
  if (contents_.contains(name)) return conflict(fmt::format("the bundle has a file '{}' already", name));
  contents_.emplace(std::move(name), std::move(content));
  return {};
}

Status BundleWriter::write(const std::filesystem::path& folder) {
  if (!contents_.contains(std::string(model_name))) return invalid_input("a bundle needs a model");
  if (manifest_.created == 0) manifest_.created = now_microseconds();
  manifest_.files.clear();
  for (const auto& [name, content] : contents_) manifest_.files[name] = {sha256_hex(content), content.size()};
  for (const auto& [name, content] : contents_) SLIPWAY_CHECK(write_file(folder / name, content));
  return write_file(folder / manifest_name, manifest_json(manifest_));
}

Status BundleWriter::publish(const std::filesystem::path& path, bool replace) {
  std::error_code unreadable;
  if (replace && std::filesystem::exists(path) && !std::filesystem::exists(path / manifest_name) &&
      !std::filesystem::is_empty(path, unreadable))
    return conflict(fmt::format("{} exists and is no bundle: it is not replaced", path.string()));
  SLIPWAY_TRY(FolderInProgress folder, FolderInProgress::beside(path));
  SLIPWAY_CHECK(write(folder.path()));
  return folder.publish(replace).with_context(fmt::format("publishing bundle {}", path.string()));
}

Result<std::string> Bundle::read(std::string_view file_name) const {
  const auto found = manifest_.files.find(std::string(file_name));
  if (found == manifest_.files.end()) {
    std::vector<std::string> names;
    for (const auto& [name, file] : manifest_.files) names.push_back(name);
    return not_found(
        fmt::format("bundle {} has no file '{}'{}", path_.string(), file_name, suggestion(file_name, names)));
  }
  return read_verified(path_, found->first, found->second).with_context(fmt::format("bundle {}", path_.string()));
}

Result<Bundle> open_bundle(const std::filesystem::path& path) {
  const std::string context = fmt::format("opening bundle {}", path.string());
  std::error_code failure;
  if (!std::filesystem::is_directory(path, failure)) return not_found(context + ": there is no such folder");
  auto text = read_file(path / manifest_name);
  if (!text.ok()) return not_found(fmt::format("{}: it is no bundle, {}", context, text.error().message()));
  Bundle bundle;
  bundle.path_ = path;
  bundle.digest_ = sha256_hex(*text);
  SLIPWAY_TRY(bundle.manifest_, parse_manifest(*text).with_context(context));
  if (!bundle.has(model_name)) return invalid_input(context + ": the manifest lists no model.onnx");
  if (const char* trusted = std::getenv("SLIPWAY_TRUSTED_KEY"); trusted != nullptr && *trusted != '\0')
    SLIPWAY_CHECK(check_bundle_signature(path, trusted).with_context(context));
  std::string model_bytes, mismatches;
  for (const auto& [name, file] : bundle.manifest_.files) {
    auto content = read_verified(path, name, file);
    if (!content.ok()) {
      mismatches += (mismatches.empty() ? "" : "; ") + content.error().message();
    } else if (name == model_name) {
      model_bytes = std::move(content).value();
    }
  }
  if (!mismatches.empty()) return check_failed(fmt::format("{}: {}", context, mismatches));
  SLIPWAY_TRY(bundle.model_, read_onnx(model_bytes).with_context(context));
  SLIPWAY_CHECK(check_agreement(bundle.manifest_, bundle.model_).with_context(context));
  return bundle;
}

}  // namespace slipway::package
