#include <fmt/format.h>

#include "step.hpp"

namespace slipway::engine {

Result<std::unique_ptr<Step>> ForeignStep::open(const model::Foreign& op, std::span<const model::Input> inputs,
                                                std::size_t width) {
  SLIPWAY_TRY(OnnxRuntime runtime, OnnxRuntime::open(op.file));
  const auto& outputs = runtime.outputs();
  if (std::ranges::find(outputs, op.scores, &OnnxRuntime::Port::name) == outputs.end())
    return invalid_input(fmt::format("the ONNX file has no output '{}'", op.scores));
  return std::unique_ptr<Step>(std::make_unique<ForeignStep>(std::move(runtime), inputs, op.scores, width));
}

void ForeignStep::run(const Workspace& workspace, float* out) const {
  const auto batch = model::slice_rows(*workspace.batch, workspace.begin, workspace.begin + workspace.rows);
  auto output = runtime_.run(batch, inputs_, scores_);
  if (output.ok() && output->scores.width != width_)
    output = internal_error(
        fmt::format("the ONNX file gives {} columns of scores, {} are expected", output->scores.width, width_));
  if (!output.ok()) {
    if (!*workspace.failure) *workspace.failure = output.error();
    std::fill_n(out, width_ * workspace.rows, std::numeric_limits<float>::quiet_NaN());
    return;
  }
  std::ranges::copy(output->scores.values, out);
}

}  // namespace slipway::engine
