// Tensors of the Open Inference Protocol V2 on their way into rows, and the outputs on their way back: what the JSON
// and the protobuf form share.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <slipway/base/result.hpp>

#include "work.hpp"

namespace slipway::serving {

enum class Datatype : std::uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  fp32,
  fp64,
  bytes
};
std::string_view datatype_name(Datatype type);
// An unknown datatype is an error that lists those there are.
Result<Datatype> parse_datatype(std::string_view text, std::string_view input);
// The bytes of one element; 0 for BYTES.
std::size_t datatype_size(Datatype type);

// A tensor's place among the inputs: one input, or (columns > 1) all of them side by side.
struct Tensor {
  std::string_view name;
  Datatype type = Datatype::fp32;
  std::size_t rows = 0, columns = 1;
  std::size_t first_input = 0;
  std::size_t count() const { return rows * columns; }
};

// Takes the tensors of one request in their order: finds each one's place, and sees that they have equally many rows
// and that none stands twice.
class TensorPlaces {
 public:
  // `tensors`: how many the request has.
  TensorPlaces(Work& work, std::size_t tensors);
  // Reads a shape: [n] or [n, 1]; of one matrix of all inputs also [n, inputs].
  Status set_shape(Tensor& tensor, const std::vector<std::int64_t>& shape) const;
  // Begins the rows with the first tensor.
  Status place(Tensor& tensor);
  // A request without tensors is an error.
  Status finish() const;

 private:
  Work& work_;
  std::size_t tensors_;
  std::vector<std::uint8_t> seen_;
  bool first_ = true;
};

// Sets the i-th value of a tensor.
inline void set_tensor_value(Work& work, const Tensor& tensor, std::size_t i, const Cell& cell) {
  work.rows.set(i / tensor.columns, tensor.first_input + i % tensor.columns, cell);
}

// Sets all values of a tensor from its bytes (little-endian; BYTES each behind its length in 4 bytes).
Status read_raw_tensor(Work& work, const Tensor& tensor, std::string_view raw);

enum class Output : std::uint8_t { score, probabilities, label, reasons };

struct Wanted {
  Output output = Output::score;
  bool binary = false;
  std::size_t classification = 0;  // Triton's extension: the largest so many, as texts; 0 = plain values
};

std::string_view output_name(Output output);
// Only numbers can be ranked; another output is an error.
Status set_classification(Wanted& wanted, std::size_t count);
// Finds the outputs a request asks for by name, one after the other.
class WantedOutputs {
 public:
  explicit WantedOutputs(Work& work);
  // An unknown name, or one that was asked for already, is an error.
  Result<Wanted*> ask(std::string_view name);
  // Where nothing was asked for: every output there is, with reasons only if they were counted.
  std::vector<Wanted> take(bool binary);

 private:
  Work& work_;
  std::vector<std::string> known_;
  std::vector<Wanted> wanted_;
};

// How one output is laid out.
struct OutputShape {
  bool numbers = false;     // FP32; else BYTES
  std::size_t columns = 0;  // 0: one value per row, shape [rows]
};
OutputShape output_shape(const Work& work, const Wanted& wanted);

// Values of one output, row by row, through `number(float)` or `text(std::string_view)`.
void each_output_value(const Work& work, const Wanted& wanted, const std::function<void(float)>& number,
                       const std::function<void(std::string_view)>& text);

// The values as bytes, as read_raw_tensor reads them.
void append_raw_output(std::string& out, const Work& work, const Wanted& wanted);

}  // namespace slipway::serving
