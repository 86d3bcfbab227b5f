// The vocabulary of a text column, as scikit-learn's TfidfVectorizer finds it.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include <slipway/base/result.hpp>
#include <slipway/features/features.hpp>
#include <slipway/model/operators.hpp>
#include <slipway/table/table.hpp>

namespace slipway::features {

// A Terms operator without its input. A missing text counts as an empty one. Of terms that occur equally often,
// max_features keeps the earlier in sorted order. No term left is an error.
Result<model::Terms> fit_terms(const table::TextColumn& column, std::span<const std::uint32_t> rows,
                               const TextOptions& options);

}  // namespace slipway::features
