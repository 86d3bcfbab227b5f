// ONNX Runtime: runs any ONNX file, for models that Slipway cannot read and for checking its own files. The library is
// opened at the first use, from the path in the environment variable SLIPWAY_ONNXRUNTIME_LIBRARY or else the one built
// in.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>
#include <slipway/model/batch.hpp>
#include <slipway/model/model.hpp>

namespace slipway::engine {

// What a file's outputs say, as far as they are scores or labels.
struct OnnxOutput {
  model::Block scores;              // the float output: "probabilities" or "prediction", or else the first one
  std::vector<std::string> labels;  // the text (or whole-number) output: "label", or else the first one; may be empty
};

// A session over one ONNX file. Immutable once open; run() may be called from several threads. Move-only.
class OnnxRuntime {
 public:
  struct Port {
    std::string name;
    std::int32_t element_type = 0;    // 1 float, 6 int32, 7 int64, 8 string, 11 double; 0: no tensor
    std::vector<std::int64_t> shape;  // -1 where it is free
  };

  // Whether the library can be loaded; the error says where it was looked for.
  static Status available();
  static Result<std::string> library_version();

  // Opens a file's bytes. `threads` as in Threads, for one call; 1 is best where the caller has threads of its own.
  static Result<OnnxRuntime> open(std::string_view bytes, int threads = 1);
  OnnxRuntime(OnnxRuntime&&) noexcept;
  OnnxRuntime& operator=(OnnxRuntime&&) noexcept;
  ~OnnxRuntime();

  const std::vector<Port>& inputs() const;
  const std::vector<Port>& outputs() const;

  // Runs the rows. A port of the file takes the input of its name, or else as many of the inputs not taken by name as
  // it has columns, side by side in their order. Missing text becomes the empty string, as in Slipway's own files.
  // `scores` names the output that is read; empty: "probabilities", "prediction" or the like.
  Result<OnnxOutput> run(const model::RowBatch& batch, std::span<const model::Input> inputs,
                         std::string_view scores = {}) const;

 private:
  struct State;
  explicit OnnxRuntime(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::engine
