#include <slipway/model/match.hpp>
#include <slipway/model/terms.hpp>

#include "step.hpp"

namespace slipway::engine {

namespace {

std::string_view text_of(const model::TextView& view, std::size_t row) {
  const auto code = static_cast<std::uint32_t>(view.codes[row]);
  return code < view.dictionary.size() ? view.dictionary[code] : std::string_view();
}

}  // namespace

LookupStep::LookupStep(const model::Lookup& op, std::size_t index)
    : input_(op.input),
      index_(index),
      width_(op.unseen.size()),
      unseen_(static_cast<std::uint32_t>(op.keys.size())),
      missing_(unseen_ + 1),
      rows_(op.rows),
      texts_(op.keys) {
  rows_.insert(rows_.end(), op.unseen.begin(), op.unseen.end());
  rows_.insert(rows_.end(), op.missing.begin(), op.missing.end());
}

std::uint32_t LookupStep::row_of(std::string_view text) const {
  if (text.empty()) return missing_;
  const std::uint32_t found = texts_.find(text);
  return found == TextIndex::absent ? unseen_ : found;
}

void LookupStep::resolve(const model::TextView& text, ResolvedText& rows) const {
  rows.resize(text.dictionary.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = row_of(text.dictionary[i]);
}

void LookupStep::run(const Workspace& workspace, float* out) const {
  const auto& text = std::get<model::TextView>(workspace.batch->columns[input_]);
  const ResolvedText& resolved = workspace.resolved[index_];
  const std::size_t n = workspace.rows;
  for (std::size_t r = 0; r < n; ++r) {
    const auto code = static_cast<std::uint32_t>(text.codes[workspace.begin + r]);
    const std::uint32_t row = code < resolved.size() ? resolved[code] : row_of(text_of(text, workspace.begin + r));
    const float* numbers = rows_.data() + std::size_t{row} * width_;
    for (std::size_t c = 0; c < width_; ++c) out[c * n + r] = numbers[c];
  }
}

namespace {

class FillStep : public Step {
 public:
  explicit FillStep(const model::Fill& op) : op_(op) {}
  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows, width = op_.replacement.size();
    const float* x = workspace.values[op_.input];
    for (std::size_t c = 0; c < width; ++c) {
      const float replacement = op_.replacement[c];
      for (std::size_t r = 0; r < n; ++r) out[c * n + r] = std::isnan(x[c * n + r]) ? replacement : x[c * n + r];
    }
    if (op_.indicator)
      for (std::size_t i = 0; i < width * n; ++i) out[width * n + i] = std::isnan(x[i]) ? 1.0F : 0.0F;
  }

 private:
  model::Fill op_;
};

class AffineStep : public Step {
 public:
  explicit AffineStep(const model::Affine& op) : op_(op) {}
  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows;
    const float* x = workspace.values[op_.input];
    for (std::size_t c = 0; c < op_.scale.size(); ++c) {
      const float scale = op_.scale[c], shift = op_.shift[c];
      for (std::size_t r = 0; r < n; ++r) out[c * n + r] = x[c * n + r] * scale + shift;
    }
  }

 private:
  model::Affine op_;
};

class PiecewiseStep : public Step {
 public:
  explicit PiecewiseStep(const model::Piecewise& op) : op_(op), width_(op.at.size(), 1.0F), rise_(op.at.size(), 0.0F) {
    for (std::size_t i = 0; i + 1 < op.at.size(); ++i) {
      width_[i] = op.at[i + 1] - op.at[i];
      rise_[i] = op.y[i + 1] - op.y[i];
    }
  }
  void run(const Workspace& workspace, float* out) const override {
    const float* x = workspace.values[op_.input];
    for (std::size_t r = 0; r < workspace.rows; ++r) out[r] = at(x[r]);
  }

 private:
  float at(float x) const {
    if (std::isnan(x)) return x;
    const auto above = std::upper_bound(op_.at.begin() + 1, op_.at.end(), x);
    const auto i = static_cast<std::size_t>(above - op_.at.begin()) - 1;
    if (op_.kind == model::Piecewise::Kind::step) return op_.y[i];
    const float clamped = std::min(std::max(x, op_.at.front()), op_.at.back());
    return op_.y[i] + (clamped - op_.at[i]) / width_[i] * rise_[i];
  }
  model::Piecewise op_;
  std::vector<float> width_, rise_;
};

class MatchStep : public Step {
 public:
  explicit MatchStep(const model::Match& op) : input_(op.input), pattern_(op) {}
  void run(const Workspace& workspace, float* out) const override {
    const auto& text = std::get<model::TextView>(workspace.batch->columns[input_]);
    for (std::size_t r = 0; r < workspace.rows; ++r) out[r] = pattern_.test(text_of(text, workspace.begin + r));
  }

 private:
  model::ValueId input_;
  model::TextPattern pattern_;
};

class TermsStep : public Step {
 public:
  explicit TermsStep(const model::Terms& op) : input_(op.input), weigher_(op) {}
  void run(const Workspace& workspace, float* out) const override {
    const auto& text = std::get<model::TextView>(workspace.batch->columns[input_]);
    const std::size_t n = workspace.rows;
    std::vector<float> row(weigher_.width());
    for (std::size_t r = 0; r < n; ++r) {
      weigher_.weigh(text_of(text, workspace.begin + r), row);
      for (std::size_t c = 0; c < row.size(); ++c) out[c * n + r] = row[c];
    }
  }

 private:
  model::ValueId input_;
  model::TermWeigher weigher_;
};

class DenseStep : public Step {
 public:
  explicit DenseStep(const model::Dense& op) : op_(op) {}
  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows, outputs = op_.bias.size(), inputs = op_.weights.size() / outputs;
    const float* x = workspace.values[op_.input];
    std::fill(out, out + outputs * n, 0.0F);
    if (n == 1) {
      for (std::size_t i = 0; i < inputs; ++i)
        for (std::size_t j = 0; j < outputs; ++j) out[j] += x[i] * op_.weights[i * outputs + j];
    } else {
      for (std::size_t j = 0; j < outputs; ++j) {
        float* sum = out + j * n;
        for (std::size_t i = 0; i < inputs; ++i) {
          const float weight = op_.weights[i * outputs + j];
          const float* column = x + i * n;
          for (std::size_t r = 0; r < n; ++r) sum[r] += column[r] * weight;
        }
      }
    }
    for (std::size_t j = 0; j < outputs; ++j)
      for (std::size_t r = 0; r < n; ++r) out[j * n + r] = activate(out[j * n + r] + op_.bias[j]);
  }

 private:
  float activate(float x) const {
    switch (op_.activation) {
      case model::Dense::Activation::identity:
        return x;
      case model::Dense::Activation::relu:
        return x < 0 ? 0.0F : x;
      case model::Dense::Activation::tanh:
        return std::tanh(x);
      case model::Dense::Activation::sigmoid:
        return 1.0F / (1.0F + std::exp(-x));
    }
    return x;
  }
  model::Dense op_;
};

class TreesStep : public Step {
 public:
  TreesStep(const model::Trees& op, std::size_t width, TreeKernel kernel)
      : input_(op.input), ensemble_(op, width, kernel) {}
  void run(const Workspace& workspace, float* out) const override {
    ensemble_.score(workspace.values[input_], workspace.rows, *workspace.trees, out);
  }

 private:
  model::ValueId input_;
  TreeEnsemble ensemble_;
};

class JoinStep : public Step {
 public:
  JoinStep(const model::Model& model, const model::Join& op) : op_(op) {
    for (const model::ValueId id : op.inputs) widths_.push_back(model.values[id].width());
  }
  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows;
    if (op_.kind == model::Join::Kind::concatenate) {
      for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
        const float* x = workspace.values[op_.inputs[i]];
        const std::size_t size = widths_[i] * n;
        if (size == 1) {
          *out = *x;
        } else {
          std::memcpy(out, x, size * sizeof(float));
        }
        out += size;
      }
      return;
    }
    for (std::size_t i = 0; i < op_.inputs.size(); ++i) {
      const float* x = workspace.values[op_.inputs[i]];
      const float weight = op_.weights[i];
      for (std::size_t k = 0; k < widths_[0] * n; ++k) out[k] = i == 0 ? weight * x[k] : out[k] + weight * x[k];
    }
  }

 private:
  model::Join op_;
  std::vector<std::size_t> widths_;
};

class LinkStep : public Step {
 public:
  LinkStep(const model::Link& op, std::size_t width) : op_(op), width_(width) {}
  void run(const Workspace& workspace, float* out) const override {
    using Kind = model::Link::Kind;
    const std::size_t n = workspace.rows;
    const float* x = workspace.values[op_.input];
    switch (op_.kind) {
      case Kind::identity:
        std::memcpy(out, x, width_ * n * sizeof(float));
        break;
      case Kind::complement:
        for (std::size_t r = 0; r < n; ++r) {
          out[r] = 1.0F - x[r];
          out[n + r] = x[r];
        }
        break;
      case Kind::sigmoid:
        for (std::size_t r = 0; r < n; ++r) {
          out[n + r] = 1.0F / (1.0F + std::exp(-x[r]));
          out[r] = 1.0F - out[n + r];
        }
        break;
      case Kind::softmax:
        for (std::size_t r = 0; r < n; ++r) softmax(x + r, out + r, n);
        break;
      case Kind::exponential:
        for (std::size_t i = 0; i < width_ * n; ++i) out[i] = std::exp(x[i]);
        break;
      case Kind::normalise:
        for (std::size_t r = 0; r < n; ++r) {
          float sum = 0;
          for (std::size_t c = 0; c < width_; ++c) sum += x[c * n + r];
          for (std::size_t c = 0; c < width_; ++c) out[c * n + r] = x[c * n + r] / sum;
        }
        break;
    }
  }

 private:
  void softmax(const float* x, float* out, std::size_t n) const {
    float largest = x[0];
    for (std::size_t c = 0; c < width_; ++c) largest = x[c * n] > largest ? x[c * n] : largest;
    float sum = 0;
    for (std::size_t c = 0; c < width_; ++c) {
      out[c * n] = std::exp(x[c * n] - largest);
      sum += out[c * n];
    }
    for (std::size_t c = 0; c < width_; ++c) out[c * n] /= sum;
  }
  model::Link op_;
  std::size_t width_;
};

class DecideStep : public Step {
 public:
  DecideStep(const model::Decide& op, std::size_t width) : op_(op), width_(width) {}
  void run(const Workspace& workspace, float* out) const override {
    const std::size_t n = workspace.rows;
    const float* x = workspace.values[op_.input];
    for (std::size_t r = 0; r < n; ++r) {
      if (width_ == 2) {
        out[r] = x[n + r] >= op_.threshold ? 1.0F : 0.0F;
        continue;
      }
      std::size_t best = 0;
      float highest = -std::numeric_limits<float>::infinity();
      for (std::size_t c = 0; c < width_; ++c)
        if (x[c * n + r] > highest) {  // never true for a missing score
          highest = x[c * n + r];
          best = c;
        }
      out[r] = static_cast<float>(best);
    }
  }

 private:
  model::Decide op_;
  std::size_t width_;
};

}  // namespace

std::unique_ptr<Step> make_step(const model::Model& model, const model::Operator& op, const CompileOptions& options) {
  const auto width = [&](model::ValueId id) { return model.values[id].width(); };
  struct Make {
    const model::Model& model;
    const CompileOptions& options;
    const decltype(width)& width_of;
    std::unique_ptr<Step> operator()(const model::Fill& one) const { return std::make_unique<FillStep>(one); }
    std::unique_ptr<Step> operator()(const model::Lookup&) const {
      return nullptr;
    }  // made by the program, which counts them
    std::unique_ptr<Step> operator()(const model::Affine& one) const { return std::make_unique<AffineStep>(one); }
    std::unique_ptr<Step> operator()(const model::Piecewise& one) const { return std::make_unique<PiecewiseStep>(one); }
    std::unique_ptr<Step> operator()(const model::Expression& one) const { return make_formula(one); }
    std::unique_ptr<Step> operator()(const model::Foreign&) const { return nullptr; }  // opened by the program
    std::unique_ptr<Step> operator()(const model::Terms& one) const { return std::make_unique<TermsStep>(one); }
    std::unique_ptr<Step> operator()(const model::Match& one) const { return std::make_unique<MatchStep>(one); }
    std::unique_ptr<Step> operator()(const model::Dense& one) const { return std::make_unique<DenseStep>(one); }
    std::unique_ptr<Step> operator()(const model::Trees& one) const {
      return std::make_unique<TreesStep>(one, width_of(one.input), options.tree_kernel);
    }
    std::unique_ptr<Step> operator()(const model::Join& one) const { return std::make_unique<JoinStep>(model, one); }
    std::unique_ptr<Step> operator()(const model::Link& one) const {
      return std::make_unique<LinkStep>(one, width_of(one.input));
    }
    std::unique_ptr<Step> operator()(const model::Decide& one) const {
      return std::make_unique<DecideStep>(one, width_of(one.input));
    }
  };
  return std::visit(Make{model, options, width}, op);
}

}  // namespace slipway::engine
