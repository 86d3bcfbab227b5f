#include <fmt/format.h>

#include <slipway/engine/predictor.hpp>
#include <slipway/model/expression.hpp>

#include "step.hpp"

namespace slipway::engine {

namespace {

// Rows that run through the graph together: enough to pay for a step's overhead, few enough to stay in cache.
constexpr std::size_t block_rows = 256;
constexpr std::size_t block_rows_of_wide_models = 64;
constexpr std::size_t wide = 2048;  // columns of all values together

// Rows per task when a table is scored on several threads.
constexpr std::size_t task_rows = 4096;

}  // namespace

// The compiled model: live operators only, in the model's order.
struct Predictor::Program {
  struct Instruction {
    std::unique_ptr<Step> step;
    model::ValueId output;
  };
  std::vector<model::Input> inputs;
  std::vector<std::string> classes;
  std::vector<std::size_t> widths;  // per value
  std::vector<std::size_t> starts;  // per value: columns of the arena before it
  std::size_t columns = 0;          // of the arena, the formulas' stack excluded
  std::size_t stack_columns = 0;
  std::vector<Instruction> instructions;
  std::vector<const LookupStep*> lookups;
  std::vector<std::optional<std::size_t>> made_by;  // per value: how many instructions make it, if it is live numbers
  model::ValueId scores = 0, label = 0;
  bool regression = false;
  std::size_t rows_at_once = block_rows;

  void resolve(const model::RowBatch& batch, std::vector<ResolvedText>& resolved, bool whole) const;
  void run(const model::RowBatch& batch, std::size_t begin, std::size_t rows, std::size_t instructions_to_run,
           std::span<const ResolvedText> resolved, Scratch::State& scratch) const;
  Status predict(const model::RowBatch& batch, std::size_t begin, std::size_t end,
                 std::span<const ResolvedText> resolved, Scratch::State& scratch, Prediction& out) const;
  void prepare(std::size_t rows, Prediction& out) const;
};

struct Scratch::State {
  std::vector<float> arena;
  std::vector<ResolvedText> resolved;
  TreeScratch trees;
  std::optional<Error> failure;
  Workspace workspace;
};

Scratch::Scratch() : state_(std::make_unique<State>()) {}
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;
Scratch::~Scratch() = default;

namespace {

std::vector<std::uint8_t> live_operators(const model::Model& model) {
  std::vector<std::uint8_t> live(model.values.size(), 0);
  live[model.scores] = live[model.label] = 1;
  for (std::size_t i = model.operators.size(); i-- > 0;)
    if (live[model.inputs.size() + i])
      for (const model::ValueId id : operator_inputs(model.operators[i])) live[id] = 1;
  return live;
}

}  // namespace

Result<Predictor> Predictor::compile(const model::Model& model, const CompileOptions& options) {
  SLIPWAY_CHECK(validate(model).with_context("compiling the model"));
  if (!is_supported(options.tree_kernel))
    return unavailable(
        fmt::format("this machine cannot run the tree kernel '{}'", tree_kernel_name(options.tree_kernel)));
  auto program = std::make_shared<Program>();
  program->inputs = model.inputs;
  program->classes = model.classes;
  program->scores = model.scores;
  program->label = model.label;
  program->regression = model.task == model::Task::regression;
  const std::vector<std::uint8_t> live = live_operators(model);
  for (std::size_t id = 0; id < model.values.size(); ++id) {
    program->widths.push_back(model.values[id].width());
    program->starts.push_back(program->columns);
    if (id >= model.inputs.size() && live[id]) program->columns += model.values[id].width();
  }
  program->made_by.resize(model.values.size());
  for (std::size_t id = 0; id < model.inputs.size(); ++id)
    if (model.inputs[id].kind == model::InputKind::number) program->made_by[id] = 0;
  for (std::size_t i = 0; i < model.operators.size(); ++i) {
    const model::Operator& op = model.operators[i];
    const model::ValueId output = operator_output(op);
    if (!live[output]) continue;
    std::unique_ptr<Step> step;
    if (const auto* lookup = std::get_if<model::Lookup>(&op)) {
      auto made = std::make_unique<LookupStep>(*lookup, program->lookups.size());
      program->lookups.push_back(made.get());
      step = std::move(made);
    } else if (const auto* foreign = std::get_if<model::Foreign>(&op)) {
      SLIPWAY_TRY(step, ForeignStep::open(*foreign, model.inputs, model.values[output].width()));
    } else {
      step = make_step(model, op, options);
    }
    if (const auto* formula = std::get_if<model::Expression>(&op)) {
      SLIPWAY_TRY(const std::size_t size, model::expression_stack_size(formula->nodes));
      program->stack_columns = std::max(program->stack_columns, size);
    }
    program->instructions.push_back({std::move(step), output});
    program->made_by[output] = program->instructions.size();
  }
  if (program->columns > wide) program->rows_at_once = block_rows_of_wide_models;
  return Predictor(std::move(program));
}

// With `whole`, or where the dictionary is no longer than the batch, every entry is looked up once; else each row by
// itself.
void Predictor::Program::resolve(const model::RowBatch& batch, std::vector<ResolvedText>& resolved, bool whole) const {
  resolved.resize(lookups.size());
  for (std::size_t i = 0; i < lookups.size(); ++i) {
    const auto& text = std::get<model::TextView>(batch.columns[lookups[i]->input()]);
    if (whole || text.dictionary.size() <= batch.rows) {
      lookups[i]->resolve(text, resolved[i]);
    } else {
      resolved[i].clear();
    }
  }
}

void Predictor::Program::run(const model::RowBatch& batch, std::size_t begin, std::size_t rows,
                             std::size_t instructions_to_run, std::span<const ResolvedText> resolved,
                             Scratch::State& scratch) const {
  const std::size_t needed = (columns + stack_columns) * rows;
  if (scratch.arena.size() < needed) scratch.arena.resize(needed);
  Workspace& workspace = scratch.workspace;
  workspace.batch = &batch;
  workspace.begin = begin;
  workspace.rows = rows;
  workspace.resolved = resolved;
  workspace.trees = &scratch.trees;
  workspace.failure = &scratch.failure;
  workspace.stack = scratch.arena.data() + columns * rows;
  workspace.values.resize(widths.size());
  for (std::size_t id = 0; id < inputs.size(); ++id) {
    const auto* numbers = std::get_if<model::NumberView>(&batch.columns[id]);
    workspace.values[id] = numbers ? numbers->data() + begin : nullptr;
  }
  for (std::size_t id = inputs.size(); id < widths.size(); ++id)
    workspace.values[id] = scratch.arena.data() + starts[id] * rows;
  for (std::size_t i = 0; i < instructions_to_run; ++i)
    instructions[i].step->run(workspace, scratch.arena.data() + starts[instructions[i].output] * rows);
}

void Predictor::Program::prepare(std::size_t rows, Prediction& out) const {
  out.scores.rows = rows;
  out.scores.width = widths[scores];
  out.scores.values.resize(rows * out.scores.width);
  out.labels.resize(regression ? 0 : rows);
}

Status Predictor::Program::predict(const model::RowBatch& batch, std::size_t begin, std::size_t end,
                                   std::span<const ResolvedText> resolved, Scratch::State& scratch,
                                   Prediction& out) const {
  scratch.failure.reset();
  for (; begin < end; begin += rows_at_once) {
    const std::size_t rows = std::min(rows_at_once, end - begin);
    run(batch, begin, rows, instructions.size(), resolved, scratch);
    const float* found = scratch.workspace.values[scores];
    for (std::size_t c = 0; c < out.scores.width; ++c)
      std::copy_n(found + c * rows, rows, out.scores.values.data() + c * out.scores.rows + begin);
    if (regression) continue;
    const float* labels = scratch.workspace.values[label];
    for (std::size_t r = 0; r < rows; ++r) out.labels[begin + r] = static_cast<std::int32_t>(labels[r]);
  }
  if (scratch.failure) return *std::exchange(scratch.failure, std::nullopt);
  return {};
}

Status Predictor::predict(const model::RowBatch& batch, Scratch& scratch, Prediction& out) const {
  SLIPWAY_CHECK(check_batch(program_->inputs, batch));
  Scratch::State& state = *scratch.state_;
  program_->resolve(batch, state.resolved, false);
  program_->prepare(batch.rows, out);
  return program_->predict(batch, 0, batch.rows, state.resolved, state, out);
}

Status Predictor::evaluate(const model::RowBatch& batch, model::ValueId value, Scratch& scratch,
                           model::Block& out) const {
  SLIPWAY_CHECK(check_batch(program_->inputs, batch));
  if (value >= program_->made_by.size() || !program_->made_by[value])
    return not_found(fmt::format("value {} is no number that the scores depend on", value));
  Scratch::State& state = *scratch.state_;
  program_->resolve(batch, state.resolved, false);
  out.rows = batch.rows;
  out.width = program_->widths[value];
  out.values.resize(out.rows * out.width);
  for (std::size_t begin = 0; begin < batch.rows; begin += program_->rows_at_once) {
    const std::size_t rows = std::min(program_->rows_at_once, batch.rows - begin);
    program_->run(batch, begin, rows, *program_->made_by[value], state.resolved, state);
    const float* found = state.workspace.values[value];
    for (std::size_t c = 0; c < out.width; ++c)
      std::copy_n(found + c * rows, rows, out.values.data() + c * out.rows + begin);
  }
  return {};
}

Result<Prediction> Predictor::predict_rows(const model::RowBatch& batch, const Threads& threads) const {
  SLIPWAY_CHECK(check_batch(program_->inputs, batch));
  std::vector<ResolvedText> resolved;
  program_->resolve(batch, resolved, true);
  Prediction out;
  program_->prepare(batch.rows, out);
  std::mutex mutex;
  std::optional<std::pair<std::size_t, Error>> failure;  // of the earliest rows that failed
  threads.for_ranges(batch.rows, task_rows, [&](std::size_t begin, std::size_t end) {
    Scratch::State scratch;
    if (const Status status = program_->predict(batch, begin, end, resolved, scratch, out); !status.ok()) {
      const std::lock_guard lock(mutex);
      if (!failure || begin < failure->first) failure.emplace(begin, status.error());
    }
  });
  if (failure) return failure->second;
  return out;
}

Result<Prediction> Predictor::predict_table(const table::Table& table, const Threads& threads) const {
  SLIPWAY_TRY(const model::TableRows rows, model::TableRows::from(program_->inputs, table));
  return predict_rows(rows.batch(), threads);
}

const std::vector<model::Input>& Predictor::inputs() const { return program_->inputs; }
const std::vector<std::string>& Predictor::classes() const { return program_->classes; }

}  // namespace slipway::engine
