// Rows that explanations measure against: "compared with these". They are chosen at training and travel with the model,
// because the same model gives other reasons against other baselines.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::explain {

// An immutable copy of some raw rows; cheaply copied.
class Baselines {
 public:
  // Copies the rows with these numbers.
  static Baselines copy(const model::RowBatch& rows, std::span<const std::uint32_t> row_numbers);
  // `count` of the rows, drawn without repetition by the seed, in their order (all, where there are not more). One
  // baseline is no row of the data but a typical one: of each input the median, or the most frequent text.
  static Result<Baselines> choose(std::span<const model::Input> inputs, const model::RowBatch& rows, std::size_t count,
                                  std::uint64_t seed);
  // Reads what to_json wrote. Errors name the input that is absent, of another length or of another kind.
  static Result<Baselines> parse(const nlohmann::json& document, std::span<const model::Input> inputs);

  // {"rows": n, "inputs": {"amount": [12.5, null, ...], "state": ["NY", ...], "time": [1700000000, ...]}}
  nlohmann::json to_json(std::span<const model::Input> inputs) const;
  // Valid as long as any copy of this object lives.
  const model::RowBatch& rows() const;

 private:
  struct Cells;
  explicit Baselines(std::shared_ptr<const Cells> cells) : cells_(std::move(cells)) {}
  std::shared_ptr<const Cells> cells_;
};

}  // namespace slipway::explain
