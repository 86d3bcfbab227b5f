// The rows that a bundle carries to prove that it still scores as it did when it was made.
#pragma once
#include <string_view>

#include <slipway/base/result.hpp>

#include "served_model.hpp"

namespace slipway::serving {

// Scores {"rows": [{name: value}, ...], "scores": [[one per class, or the prediction], ...]}, several times over, which
// also warms the model up. A score that differs by more than 1e-6 (of its size, for a regression) is a check_failed
// error that names the row. Rows that the schema's rules refuse are passed over.
Status score_verification_rows(const ServedModel& model, std::string_view rows);

}  // namespace slipway::serving
