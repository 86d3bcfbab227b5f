#include <cstdlib>

#include <dlfcn.h>
#include <fmt/format.h>

#include <slipway/engine/onnx_runtime.hpp>
#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>

#include <slipway/base/parallel.hpp>
#include <slipway/base/text.hpp>
#include <slipway/base/time.hpp>

namespace slipway::engine {

namespace {

// The library, opened once and never closed: its threads and statics outlive us.
struct Library {
  const OrtApiBase* base = nullptr;
  std::unique_ptr<Ort::Env> environment;
};

// Older versions of the interface that have all that is used here.
constexpr std::uint32_t oldest_interface = 16;

Result<Library> load_library() {
  const char* chosen = std::getenv("SLIPWAY_ONNXRUNTIME_LIBRARY");
  const std::string path = chosen && *chosen ? chosen : SLIPWAY_ONNXRUNTIME_LIBRARY;
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return unavailable(
        fmt::format("ONNX Runtime cannot be loaded: {} (set SLIPWAY_ONNXRUNTIME_LIBRARY to its library)", dlerror()));
  using GetApiBase = const OrtApiBase* (*)();
  const auto get_base = reinterpret_cast<GetApiBase>(dlsym(handle, "OrtGetApiBase"));
  if (!get_base) return unavailable(fmt::format("{} is no ONNX Runtime: it has no OrtGetApiBase", path));
  Library library;
  library.base = get_base();
  const OrtApi* api = nullptr;
  for (std::uint32_t version = ORT_API_VERSION; !api && version >= oldest_interface; --version)
    api = library.base->GetApi(version);
  if (!api) return unavailable(fmt::format("{} (version {}) is too old", path, library.base->GetVersionString()));
  Ort::InitApi(api);
  try {
    library.environment = std::make_unique<Ort::Env>(ORT_LOGGING_LEVEL_ERROR, "slipway");
  } catch (const Ort::Exception& error) {
    return unavailable(fmt::format("ONNX Runtime: {}", error.what()));
  }
  return library;
}

const Result<Library>& the_library() {
  static const auto* library = new Result<Library>(load_library());
  return *library;
}

OnnxRuntime::Port describe(std::string name, const Ort::TypeInfo& type) {
  OnnxRuntime::Port port{std::move(name), 0, {}};
  if (type.GetONNXType() != ONNX_TYPE_TENSOR) return port;
  const auto tensor = type.GetTensorTypeAndShapeInfo();
  port.element_type = tensor.GetElementType();
  port.shape = tensor.GetShape();
  return port;
}

// The tensors of one call and the memory that they refer to.
class Feeds {
 public:
  Feeds(const model::RowBatch& batch, std::span<const model::Input> inputs, std::span<const OnnxRuntime::Port> ports)
      : batch_(batch), inputs_(inputs) {
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (std::ranges::find(ports, inputs[i].name, &OnnxRuntime::Port::name) == ports.end()) unnamed_.push_back(i);
  }

  Status add(const OnnxRuntime::Port& port) {
    const auto found = std::ranges::find(inputs_, port.name, &model::Input::name);
    if (found == inputs_.end()) {
      if (port.shape.size() == 2 && port.shape[1] != 1 && !unnamed_.empty()) return add_matrix(port);
      std::vector<std::string> names;
      for (const model::Input& input : inputs_) names.push_back(input.name);
      return not_found(
          fmt::format("the file's input '{}' is none of the columns{}", port.name, suggestion(port.name, names)));
    }
    const std::vector<std::int64_t> shape =
        port.shape.size() == 1 ? std::vector{rows()} : std::vector<std::int64_t>{rows(), 1};
    const model::ColumnView& column = batch_.columns[static_cast<std::size_t>(found - inputs_.begin())];
    return std::visit([&](const auto& view) { return add_column(port, shape, view); }, column);
  }

  // The next columns that no port names, side by side.
  Status add_matrix(const OnnxRuntime::Port& port) {
    const std::size_t width = port.shape[1] < 0 ? unnamed_.size() : static_cast<std::size_t>(port.shape[1]);
    if (width > unnamed_.size())
      return invalid_input(
          fmt::format("the file's input '{}' takes {} columns, there are {} left", port.name, width, unnamed_.size()));
    const std::vector<std::size_t> taken(unnamed_.begin(), unnamed_.begin() + static_cast<std::ptrdiff_t>(width));
    unnamed_.erase(unnamed_.begin(), unnamed_.begin() + static_cast<std::ptrdiff_t>(width));
    const std::vector<std::int64_t> shape = {rows(), static_cast<std::int64_t>(width)};
    if (port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) return add_text_matrix(taken, shape);
    std::vector<float> numbers(batch_.rows * width);
    for (std::size_t c = 0; c < width; ++c) {
      const auto* view = std::get_if<model::NumberView>(&batch_.columns[taken[c]]);
      if (!view)
        return invalid_input(
            fmt::format("the file takes a matrix of numbers, but '{}' is no number", inputs_[taken[c]].name));
      for (std::size_t r = 0; r < batch_.rows; ++r) numbers[r * width + c] = (*view)[r];
    }
    return add_numbers(port, shape, numbers);
  }

  const std::vector<Ort::Value>& values() const { return values_; }

 private:
  std::int64_t rows() const { return static_cast<std::int64_t>(batch_.rows); }

  template <class Number>
  Status keep(const std::vector<std::int64_t>& shape, std::vector<Number> numbers) {
    auto memory = std::make_shared<std::vector<Number>>(std::move(numbers));
    values_.push_back(
        Ort::Value::CreateTensor<Number>(memory_info_, memory->data(), memory->size(), shape.data(), shape.size()));
    kept_.push_back(std::move(memory));
    return {};
  }

  Status add_text_matrix(const std::vector<std::size_t>& taken, const std::vector<std::int64_t>& shape) {
    std::vector<std::string> texts(batch_.rows * taken.size());
    for (std::size_t c = 0; c < taken.size(); ++c) {
      const auto* view = std::get_if<model::TextView>(&batch_.columns[taken[c]]);
      if (!view)
        return invalid_input(
            fmt::format("the file takes a matrix of texts, but '{}' is no text", inputs_[taken[c]].name));
      for (std::size_t r = 0; r < batch_.rows; ++r)
        if (view->codes[r] >= 0)
          texts[r * taken.size() + c] = view->dictionary[static_cast<std::size_t>(view->codes[r])];
    }
    std::vector<const char*> pointers;
    for (const std::string& text : texts) pointers.push_back(text.c_str());
    add_texts(pointers, shape);
    return {};
  }

  void add_texts(const std::vector<const char*>& pointers, const std::vector<std::int64_t>& shape) {
    Ort::AllocatorWithDefaultOptions allocator;
    Ort::Value value =
        Ort::Value::CreateTensor(allocator, shape.data(), shape.size(), ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
    value.FillStringTensor(pointers.data(), pointers.size());
    values_.push_back(std::move(value));
  }

  Status wrong_type(const OnnxRuntime::Port& port, std::string_view kind) {
    return invalid_input(fmt::format("the file's input '{}' has element type {}, which a {} column cannot fill",
                                     port.name, port.element_type, kind));
  }

  template <class Whole>
  Status keep_whole(const OnnxRuntime::Port& port, const std::vector<std::int64_t>& shape,
                    std::span<const float> numbers) {
    std::vector<Whole> wholes(numbers.size());
    for (std::size_t r = 0; r < numbers.size(); ++r) {
      if (!(numbers[r] >= -2147483648.0F && numbers[r] < 2147483648.0F) || std::floor(numbers[r]) != numbers[r])
        return invalid_input(fmt::format("the file's input '{}' takes whole numbers, row {} has {}", port.name, r + 1,
                                         format_number(numbers[r])));
      wholes[r] = static_cast<Whole>(numbers[r]);
    }
    return keep(shape, std::move(wholes));
  }

  Status add_numbers(const OnnxRuntime::Port& port, const std::vector<std::int64_t>& shape,
                     std::span<const float> numbers) {
    switch (port.element_type) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
        return keep(shape, std::vector<float>(numbers.begin(), numbers.end()));
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
        return keep(shape, std::vector<double>(numbers.begin(), numbers.end()));
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
        return keep_whole<std::int64_t>(port, shape, numbers);
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
        return keep_whole<std::int32_t>(port, shape, numbers);
      default:
        return wrong_type(port, "number");
    }
  }

  Status add_column(const OnnxRuntime::Port& port, const std::vector<std::int64_t>& shape,
                    const model::NumberView& view) {
    return add_numbers(port, shape, view);
  }

  Status add_column(const OnnxRuntime::Port& port, const std::vector<std::int64_t>& shape,
                    const model::TimeView& view) {
    if (port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)
      return keep(shape, std::vector<std::int64_t>(view.begin(), view.end()));
    if (port.element_type != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return wrong_type(port, "time");
    std::vector<float> seconds(view.size());
    for (std::size_t r = 0; r < view.size(); ++r)
      seconds[r] = view[r] == missing_time ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(view[r]);
    return keep(shape, std::move(seconds));
  }

  Status add_column(const OnnxRuntime::Port& port, const std::vector<std::int64_t>& shape,
                    const model::TextView& view) {
    if (port.element_type != ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) return wrong_type(port, "text");
    const std::vector<std::string> texts(view.dictionary.begin(), view.dictionary.end());  // with a zero at the end
    std::vector<const char*> pointers(view.codes.size(), "");
    for (std::size_t r = 0; r < view.codes.size(); ++r)
      if (view.codes[r] >= 0) pointers[r] = texts[static_cast<std::size_t>(view.codes[r])].c_str();
    add_texts(pointers, shape);
    return {};
  }

  const model::RowBatch& batch_;
  std::span<const model::Input> inputs_;
  std::vector<std::size_t> unnamed_;  // inputs that no port names, in order
  Ort::MemoryInfo memory_info_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::vector<Ort::Value> values_;
  std::vector<std::shared_ptr<void>> kept_;
};

bool is_scores(const OnnxRuntime::Port& port) {
  return port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT ||
         port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
}
bool is_label(const OnnxRuntime::Port& port) {
  return port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING ||
         port.element_type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
}

// The port among `ports` that fits, a well-known name before the first.
template <class Fits>
const OnnxRuntime::Port* choose(const std::vector<OnnxRuntime::Port>& ports, Fits fits,
                                std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    for (const OnnxRuntime::Port& port : ports)
      if (fits(port) && port.name.starts_with(name)) return &port;
  for (const OnnxRuntime::Port& port : ports)
    if (fits(port)) return &port;
  return nullptr;
}

Result<model::Block> read_scores(const Ort::Value& value, std::size_t rows) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  const std::size_t count = info.GetElementCount();
  if (info.GetShape().empty() || static_cast<std::size_t>(info.GetShape()[0]) != rows)
    return invalid_input(fmt::format("the file's scores have not a row for each of the {} given", rows));
  model::Block block(rows, rows == 0 ? 1 : count / rows);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < block.width; ++c)
      block.column(c)[r] = info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
                               ? value.GetTensorData<float>()[r * block.width + c]
                               : static_cast<float>(value.GetTensorData<double>()[r * block.width + c]);
  return block;
}

std::vector<std::string> read_labels(const Ort::Value& value) {
  const auto info = value.GetTensorTypeAndShapeInfo();
  std::vector<std::string> labels(info.GetElementCount());
  for (std::size_t r = 0; r < labels.size(); ++r)
    labels[r] = info.GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING
                    ? value.GetStringTensorElement(r)
                    : std::to_string(value.GetTensorData<std::int64_t>()[r]);
  return labels;
}

}  // namespace

struct OnnxRuntime::State {
  Ort::Session session{nullptr};
  std::vector<Port> inputs, outputs;
};

OnnxRuntime::OnnxRuntime(std::unique_ptr<State> state) : state_(std::move(state)) {}
OnnxRuntime::OnnxRuntime(OnnxRuntime&&) noexcept = default;
OnnxRuntime& OnnxRuntime::operator=(OnnxRuntime&&) noexcept = default;
OnnxRuntime::~OnnxRuntime() = default;

Status OnnxRuntime::available() {
  const auto& library = the_library();
  if (!library.ok()) return library.error();
  return {};
}

Result<std::string> OnnxRuntime::library_version() {
  const auto& library = the_library();
  if (!library.ok()) return library.error();
  return std::string(library->base->GetVersionString());
}

Result<OnnxRuntime> OnnxRuntime::open(std::string_view bytes, int threads) {
  const auto& library = the_library();
  if (!library.ok()) return library.error();
  try {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(Threads(threads).count());
    options.SetInterOpNumThreads(1);
    auto state = std::make_unique<State>();
    state->session = Ort::Session(*library->environment, bytes.data(), bytes.size(), options);
    Ort::AllocatorWithDefaultOptions allocator;
    for (std::size_t i = 0; i < state->session.GetInputCount(); ++i)
      state->inputs.push_back(
          describe(state->session.GetInputNameAllocated(i, allocator).get(), state->session.GetInputTypeInfo(i)));
    for (std::size_t i = 0; i < state->session.GetOutputCount(); ++i)
      state->outputs.push_back(
          describe(state->session.GetOutputNameAllocated(i, allocator).get(), state->session.GetOutputTypeInfo(i)));
    return OnnxRuntime(std::move(state));
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("ONNX Runtime refuses the file: {}", error.what()));
  }
}

const std::vector<OnnxRuntime::Port>& OnnxRuntime::inputs() const { return state_->inputs; }
const std::vector<OnnxRuntime::Port>& OnnxRuntime::outputs() const { return state_->outputs; }

Result<OnnxOutput> OnnxRuntime::run(const model::RowBatch& batch, std::span<const model::Input> inputs,
                                    std::string_view scores_name) const {
  SLIPWAY_CHECK(check_batch(inputs, batch));
  try {
    Feeds feeds(batch, inputs, state_->inputs);
    for (const Port& port : state_->inputs) SLIPWAY_CHECK(feeds.add(port));
    const auto is_wanted = [&](const Port& port) {
      return is_scores(port) && (scores_name.empty() || port.name == scores_name);
    };
    const Port* scores =
        choose(state_->outputs, is_wanted, {"probabilities", "prediction", "output_probability", "variable"});
    if (!scores && !scores_name.empty())
      return invalid_input(fmt::format("the file has no output '{}' of scores", scores_name));
    const Port* label = choose(state_->outputs, is_label, {"label", "output_label"});
    if (!scores && !label)
      return invalid_input(
          "the file has no output of scores or labels that is a tensor (was it exported with ZipMap?)");
    std::vector<const char*> input_names, output_names;
    for (const Port& port : state_->inputs) input_names.push_back(port.name.c_str());
    for (const Port* port : {scores, label})
      if (port) output_names.push_back(port->name.c_str());
    // Run() is const in all but name: sessions may be shared between threads.
    auto& session = const_cast<Ort::Session&>(state_->session);
    const auto values = session.Run(Ort::RunOptions{nullptr}, input_names.data(), feeds.values().data(),
                                    feeds.values().size(), output_names.data(), output_names.size());
    OnnxOutput output;
    if (scores) {
      SLIPWAY_TRY(output.scores, read_scores(values.front(), batch.rows));
    }
    if (label) output.labels = read_labels(values.back());
    return output;
  } catch (const std::exception& error) {
    return invalid_input(fmt::format("ONNX Runtime: {}", error.what()));
  }
}

}  // namespace slipway::engine
