#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <slipway/monitor/reference.hpp>

namespace slipway::monitor {

namespace {

constexpr int format_version = 1;

nlohmann::json feature_json(const FeatureReference& feature) {
  nlohmann::json json = {{"name", feature.name},
                         {"kind", feature_kind_name(feature.kind)},
                         {"rows", feature.rows},
                         {"counts", feature.counts},
                         {"design_effect", feature.design_effect}};
  nlohmann::json names = nlohmann::json::array();
  for (std::size_t b = 0; b < feature.bins(); ++b) names.push_back(feature.bin_name(b));
  json["bins"] = std::move(names);
  if (!feature.day_counts.empty()) json["day_counts"] = feature.day_counts;
  if (feature.kind == FeatureKind::number) {
    json["edges"] = feature.edges;
    if (feature.minimum) {
      json["minimum"] = *feature.minimum;
      json["maximum"] = *feature.maximum;
      json["median"] = *feature.median;
    }
  } else {
    json["categories"] = feature.categories;
    json["others"] = feature.others;
    json["others_complete"] = feature.others_complete;
    json["singletons"] = feature.singletons;
  }
  return json;
}

bool counts_ok(const std::vector<std::int64_t>& counts) {
  return std::all_of(counts.begin(), counts.end(), [](std::int64_t count) { return count >= 0; });
}

// Throws nlohmann's exceptions on fields that are absent or of another type.
Result<FeatureReference> read_feature(const nlohmann::json& json) {
  FeatureReference feature;
  feature.name = json.at("name").get<std::string>();
  const auto wrong = [&](std::string_view field) {
    return invalid_input(
        fmt::format("feature '{}' of the reference: '{}' does not fit the other fields", feature.name, field));
  };
  const auto kind = json.at("kind").get<std::string>();
  if (kind != "number" && kind != "text") return wrong("kind");
  feature.kind = kind == "number" ? FeatureKind::number : FeatureKind::text;
  json.at("rows").get_to(feature.rows);
  json.at("counts").get_to(feature.counts);
  json.at("design_effect").get_to(feature.design_effect);
  if (json.contains("day_counts")) json["day_counts"].get_to(feature.day_counts);
  std::size_t bins = 0;
  if (feature.kind == FeatureKind::number) {
    json.at("edges").get_to(feature.edges);
    if (json.contains("minimum")) {
      feature.minimum = json["minimum"].get<double>();
      feature.maximum = json.at("maximum").get<double>();
      feature.median = json.at("median").get<double>();
    }
    bins = feature.edges.size() + 4;
    if (!std::is_sorted(feature.edges.begin(), feature.edges.end())) return wrong("edges");
    if (feature.minimum && *feature.minimum > *feature.maximum) return wrong("minimum");
  } else {
    json.at("categories").get_to(feature.categories);
    json.at("others").get_to(feature.others);
    json.at("others_complete").get_to(feature.others_complete);
    json.at("singletons").get_to(feature.singletons);
    bins = feature.categories.size() + 3;
  }
  if (feature.counts.size() != bins || bins > 65'000 || !counts_ok(feature.counts)) return wrong("counts");
  std::int64_t total = 0;
  for (std::int64_t count : feature.counts) total += count;
  if (feature.rows != total) return wrong("rows");
  if (feature.singletons < 0 || feature.singletons > feature.rows) return wrong("singletons");
  if (!(feature.design_effect >= 1)) return wrong("design_effect");
  for (const auto& day : feature.day_counts)
    if (day.size() != bins || !counts_ok(day)) return wrong("day_counts");
  return feature;
}

}  // namespace

nlohmann::json to_json(const Reference& reference) {
  nlohmann::json features = nlohmann::json::array();
  for (const FeatureReference& feature : reference.features) features.push_back(feature_json(feature));
  nlohmann::json json = {{"format", format_version}, {"rows", reference.rows}, {"features", std::move(features)}};
  if (reference.score) json["score"] = feature_json(*reference.score);
  return json;
}

Result<Reference> reference_from_json(const nlohmann::json& json) {
  try {
    if (json.at("format").get<int>() != format_version)
      return invalid_input(fmt::format("the reference has format {}; this version reads format {}",
                                       json.at("format").dump(), format_version));
    Reference reference;
    json.at("rows").get_to(reference.rows);
    for (const nlohmann::json& entry : json.at("features")) {
      SLIPWAY_TRY(FeatureReference feature, read_feature(entry));
      reference.features.push_back(std::move(feature));
    }
    if (json.contains("score")) {
      SLIPWAY_TRY(reference.score, read_feature(json["score"]));
    }
    return reference;
  } catch (const nlohmann::json::exception& failure) {
    return invalid_input(fmt::format("the reference cannot be read: {}", failure.what()));
  }
}

}  // namespace slipway::monitor
