// A Model compiled for speed. Its scores equal those of the reference interpreter bit for bit, whatever the kernel, the
// batch or the number of threads.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <slipway/base/parallel.hpp>
#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>
#include <slipway/table/table.hpp>

namespace slipway::engine {

// How decision trees are walked. All give the same bits.
enum class TreeKernel : std::uint8_t {
  automatic,    // the fastest for this machine, the model and the number of rows
  walk,         // one tree, one row at a time
  interleaved,  // 16 trees of one row, or 16 rows of one tree, in step
  avx2,         // rows in vectors of 8 with gathers; an error where the processor lacks AVX2
  avx512,       // 64 trees of one row in vectors, batches interleaved; an error where the processor lacks AVX-512
  sliced,       // 256 rows at once, one bit a row, plain code; with AVX2; with AVX-512. Trees of more than about a
  sliced_avx2,  // thousand nodes are walked interleaved instead
  sliced_avx512,
  masks,       // one row by masks of leaves, plain code; with AVX2; with AVX-512. Ensembles with more than 64 leaves in
  masks_avx2,  // a tree or 16 MiB of masks are walked interleaved instead
  masks_avx512,
};
inline constexpr TreeKernel tree_kernels[] = {
    TreeKernel::automatic, TreeKernel::walk,       TreeKernel::interleaved, TreeKernel::avx2,
    TreeKernel::avx512,    TreeKernel::sliced,     TreeKernel::sliced_avx2, TreeKernel::sliced_avx512,
    TreeKernel::masks,     TreeKernel::masks_avx2, TreeKernel::masks_avx512};
std::string_view tree_kernel_name(TreeKernel kernel);
// Whether this machine can run the kernel.
bool is_supported(TreeKernel kernel);

struct CompileOptions {
  TreeKernel tree_kernel = TreeKernel::automatic;
};

// What the model says about some rows.
struct Prediction {
  model::Block scores;               // as Model::scores: probabilities by class, or the prediction
  std::vector<std::int32_t> labels;  // class index per row; empty for a regression
};

// Working memory of one thread. Grows at the first calls and is reused from then on. Move-only.
class Scratch {
 public:
  Scratch();
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;
  ~Scratch();
  struct State;

 private:
  friend class Predictor;
  std::unique_ptr<State> state_;
};

// A compiled Model: an immutable, cheaply copied handle; safe to use from several threads, each with a Scratch of its
// own.
class Predictor {
 public:
  // Errors: a model that does not pass validate(); a kernel that this machine lacks.
  static Result<Predictor> compile(const model::Model& model, const CompileOptions& options = {});

  // Scores the rows of a batch in the order of the model's inputs. Once scratch and `out` have seen a batch of this
  // size nothing is allocated (models with Terms excepted). Codes outside a text's dictionary count as missing.
  Status predict(const model::RowBatch& batch, Scratch& scratch, Prediction& out) const;

  // Computes one numeric value that the scores depend on (the block that feeds the trees, for explanations), running
  // only what comes before it. An error for another value.
  Status evaluate(const model::RowBatch& batch, model::ValueId value, Scratch& scratch, model::Block& out) const;

  // Scores a whole table in blocks on several threads.
  Result<Prediction> predict_table(const table::Table& table, const Threads& threads) const;
  // The same for rows that were taken from a table already.
  Result<Prediction> predict_rows(const model::RowBatch& batch, const Threads& threads) const;

  const std::vector<model::Input>& inputs() const;
  const std::vector<std::string>& classes() const;

 private:
  struct Program;
  explicit Predictor(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const Program> program_;
};

// Bytes of the tables that a compiled model has beside its trees to score one row (at most 1 MiB for each ensemble), as
// compile() makes them on this machine.
std::uint64_t leaf_mask_bytes(const model::Model& model);

}  // namespace slipway::engine
