// One operator, compiled: works on a block of rows at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/engine/onnx_runtime.hpp>
#include <slipway/engine/predictor.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

#include "text_index.hpp"
#include "trees/ensemble.hpp"

namespace slipway::engine {

// The rows of one Lookup for every entry of its input's dictionary; empty where entries are looked up row by row.
using ResolvedText = std::vector<std::uint32_t>;

// Where a step finds its operands and puts its result.
struct Workspace {
  const model::RowBatch* batch = nullptr;
  std::size_t begin = 0;                   // first row of the block
  std::size_t rows = 0;                    // of the block
  std::vector<const float*> values;        // per value of numbers: column c starts at values[id] + c * rows
  float* stack = nullptr;                  // columns of `rows` numbers for formulas
  std::span<const ResolvedText> resolved;  // per Lookup step
  TreeScratch* trees = nullptr;
  std::optional<Error>* failure = nullptr;  // where a step that can fail puts its first error
};

class Step {
 public:
  virtual ~Step() = default;
  // Writes the output's columns to `out`, `rows` numbers each.
  virtual void run(const Workspace& workspace, float* out) const = 0;
};

// A Lookup keeps its table of texts apart, so that a dictionary can be resolved once for many blocks.
class LookupStep : public Step {
 public:
  LookupStep(const model::Lookup& op, std::size_t index);
  void run(const Workspace& workspace, float* out) const override;
  void resolve(const model::TextView& text, ResolvedText& rows) const;
  model::ValueId input() const { return input_; }

 private:
  std::uint32_t row_of(std::string_view text) const;
  model::ValueId input_;
  std::size_t index_;  // among the program's Lookups
  std::size_t width_;
  std::uint32_t unseen_, missing_;
  std::vector<float> rows_;  // known keys, unseen, missing
  TextIndex texts_;
};

// Runs another tool's ONNX file.
class ForeignStep : public Step {
 public:
  // Opens the file in ONNX Runtime; `width` is the number of columns that its scores are expected to have.
  static Result<std::unique_ptr<Step>> open(const model::Foreign& op, std::span<const model::Input> inputs,
                                            std::size_t width);
  ForeignStep(OnnxRuntime runtime, std::span<const model::Input> inputs, std::string scores, std::size_t width)
      : runtime_(std::move(runtime)),
        inputs_(inputs.begin(), inputs.end()),
        scores_(std::move(scores)),
        width_(width) {}
  void run(const Workspace& workspace, float* out) const override;

 private:
  OnnxRuntime runtime_;
  std::vector<model::Input> inputs_;
  std::string scores_;
  std::size_t width_;
};

// The step of any other operator.
std::unique_ptr<Step> make_step(const model::Model& model, const model::Operator& op, const CompileOptions& options);
std::unique_ptr<Step> make_formula(const model::Expression& op);

}  // namespace slipway::engine
