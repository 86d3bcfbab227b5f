// Versions of the fraud model on disk, for the tests of this room.
#pragma once
#include <filesystem>
#include <optional>

#include <gtest/gtest.h>

#include <slipway/package/bundle.hpp>
#include <slipway/registry/registry.hpp>

#include "test_model.hpp"

namespace slipway::serving {

// A bundle of fraud_model, whose score of a missing amount in CA is `leaf`.
inline Status write_fraud(const std::filesystem::path& folder, std::optional<int> version, float leaf) {
  package::Manifest manifest;
  manifest.name = "fraud";
  manifest.version = version;
  manifest.id_columns = {"transaction_id"};
  package::BundleWriter writer(manifest);
  SLIPWAY_CHECK(writer.add_model(fraud_model(model::OutOfRange::pass, leaf)));
  return writer.publish(folder, true);
}

// Its next version in a registry; the first is the champion.
inline void publish_fraud(const std::filesystem::path& registry, float leaf) {
  const auto models = registry::Registry::open(registry, true).value();
  const auto version = models.publish("fraud", {{"ann", "test"}, {}, false},
                                      [&](const std::filesystem::path& folder, std::int64_t number) {
                                        return write_fraud(folder, static_cast<int>(number), leaf);
                                      });
  ASSERT_TRUE(version.ok()) << version.error().message();
}

}  // namespace slipway::serving
