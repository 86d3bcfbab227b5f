// Augmented rows: sampling, class weights, noise, mixtures.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include <slipway/base/random.hpp>

#include "augmentation/sampling.hpp"
#include "training_data.hpp"

namespace slipway::learners {
namespace {

enum Purpose : std::uint64_t { noise_of_rows = 0x0520, mixtures_of_rows = 0x0521 };

// A standard gamma deviate (Marsaglia and Tsang 2000).
double gamma_deviate(Random& random, double shape) {
  const double boost = shape < 1 ? std::pow(1 - random.uniform(), 1 / shape) : 1;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal(), t = 1 + c * x;
    if (t <= 0) continue;
    const double v = t * t * t, u = 1 - random.uniform();
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v * boost;
  }
}

class Augmenter {
 public:
  Augmenter(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed, const Threads& threads)
      : data_(data), options_(options), seed_(seed), threads_(threads) {}

  Result<AugmentedRows> run() {
    SLIPWAY_CHECK(check_training_data(data_));
    if (data_.task == model::Task::regression && options_.class_weight != "none")
      return invalid_input("class_weight: a regression has no classes");
    SLIPWAY_TRY(const auto sample, augmentation::sample_rows(data_, options_, seed_, threads_));
    columns_.resize(data_.features->width);
    for (const std::uint32_t row : sample.kept) copy_row(row);
    for (const augmentation::Synthetic& made : sample.added) add_synthetic(made);
    weigh_classes();
    set_correction();
    const std::size_t clean = rows();
    add_noise(clean);
    add_mixtures(clean);
    out_.features = model::Block(rows(), columns_.size());
    for (std::size_t c = 0; c < columns_.size(); ++c) std::ranges::copy(columns_[c], out_.features.column(c).begin());
    if (std::all_of(out_.weights.begin(), out_.weights.end(), [](float weight) { return weight == 1; }))
      out_.weights.clear();
    return std::move(out_);
  }

 private:
  std::size_t rows() const { return out_.weights.size(); }
  bool classifies() const { return data_.task != model::Task::regression; }
  float weight_of(std::size_t row) const { return data_.weights.empty() ? 1 : data_.weights[row]; }

  void copy_truth(std::uint32_t row) {
    if (classifies()) {
      out_.labels.push_back(data_.labels[row]);
    } else {
      out_.targets.push_back(data_.targets[row]);
    }
    out_.weights.push_back(weight_of(row));
    if (!data_.groups.empty()) out_.groups.push_back(data_.groups[row]);
  }
  void copy_row(std::uint32_t row) {
    for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].push_back(data_.features->at(row, c));
    copy_truth(row);
  }

  void add_synthetic(const augmentation::Synthetic& made) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const float a = data_.features->at(made.from, c), b = data_.features->at(made.to, c);
      columns_[c].push_back(made.share == 0 ? a : a + made.share * (b - a));
    }
    if (!made.voters.empty()) vote(made.voters);
    copy_truth(made.from);
  }

  // The last row's categories become those that most of the voters have.
  void vote(const std::vector<std::uint32_t>& voters) {
    std::map<std::int32_t, std::vector<std::size_t>> groups;
    for (std::size_t c = 0; c < data_.nominal.size(); ++c)
      if (data_.nominal[c] >= 0) groups[data_.nominal[c]].push_back(c);
    for (const auto& [group, members] : groups) {
      std::vector<double> votes(members.size() + 1);  // the last: none of the columns
      for (const std::uint32_t voter : voters) {
        std::size_t chosen = members.size();
        for (std::size_t i = members.size(); i-- > 0;)
          if (data_.features->at(voter, members[i]) != 0) chosen = i;
        ++votes[chosen];
      }
      const auto best = static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
      for (std::size_t i = 0; i < members.size(); ++i) columns_[members[i]].back() = i == best ? 1.0F : 0.0F;
    }
  }

  std::vector<double> class_sums(std::span<const std::int32_t> labels, std::span<const float> weights) const {
    std::vector<double> sums(static_cast<std::size_t>(data_.classes));
    for (std::size_t i = 0; i < labels.size(); ++i)
      sums[static_cast<std::size_t>(labels[i])] += weights.empty() ? 1 : weights[i];
    return sums;
  }

  void weigh_classes() {
    if (options_.class_weight == "none") return;
    const std::vector<double> sums = class_sums(out_.labels, out_.weights);
    double all = 0, present = 0;
    for (const double sum : sums) {
      all += sum;
      present += sum > 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < out_.weights.size(); ++i)
      out_.weights[i] =
          static_cast<float>(out_.weights[i] * all / (present * sums[static_cast<std::size_t>(out_.labels[i])]));
  }

  void set_correction() {
    if (!classifies()) return;
    const std::vector<double> before = class_sums(data_.labels, data_.weights);
    const std::vector<double> after = class_sums(out_.labels, out_.weights);
    double all_before = 0, all_after = 0;
    for (std::size_t k = 0; k < before.size(); ++k) {
      all_before += before[k];
      all_after += after[k];
    }
    bool changed = false;
    std::vector<double> correction(before.size(), 1);
    for (std::size_t k = 0; k < before.size(); ++k) {
      if (before[k] <= 0 || after[k] <= 0) continue;
      correction[k] = (before[k] / all_before) / (after[k] / all_after);
      changed = changed || std::fabs(correction[k] - 1) > 1e-6;
    }
    if (changed) out_.correction = std::move(correction);
  }

  void repeat_truth(std::size_t row, float weight) {
    if (classifies()) {
      out_.labels.push_back(out_.labels[row]);
    } else {
      out_.targets.push_back(out_.targets[row]);
    }
    out_.weights.push_back(weight);
    if (!out_.groups.empty()) out_.groups.push_back(out_.groups[row]);
  }

  void add_noise(std::size_t clean) {
    if (options_.noise <= 0) return;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      std::vector<float>& column = columns_[c];
      double count = 0, mean = 0, squares = 0;
      bool flags = true;
      for (std::size_t i = 0; i < clean; ++i) {
        flags = flags && (column[i] == 0 || column[i] == 1 || std::isnan(column[i]));
        if (!std::isfinite(column[i])) continue;
        ++count;
        const double off = column[i] - mean;
        mean += off / count;
        squares += off * (column[i] - mean);
      }
      const double spread = flags || count == 0 ? 0 : options_.noise * std::sqrt(squares / count);
      for (int copy = 0; copy < options_.noise_copies; ++copy) {
        Random random(random_key({seed_, noise_of_rows, c, static_cast<std::uint64_t>(copy)}));
        for (std::size_t i = 0; i < clean; ++i)
          column.push_back(spread == 0 ? column[i] : static_cast<float>(column[i] + spread * random.normal()));
      }
    }
    for (int copy = 0; copy < options_.noise_copies; ++copy)
      for (std::size_t i = 0; i < clean; ++i) repeat_truth(i, out_.weights[i]);
  }

  void add_mixtures(std::size_t clean) {
    if (options_.mixup <= 0) return;
    const auto wanted = static_cast<std::size_t>(std::llround(options_.mixup_share * static_cast<double>(clean)));
    Random random(random_key({seed_, mixtures_of_rows}));
    for (std::size_t made = 0; made < wanted; ++made) {
      const std::size_t a = random.below(clean), b = random.below(clean);
      const double x = gamma_deviate(random, options_.mixup), y = gamma_deviate(random, options_.mixup);
      const auto share = static_cast<float>(x + y > 0 ? x / (x + y) : 0.5);
      const int copies = classifies() ? 2 : 1;
      for (std::vector<float>& column : columns_) {
        const float mixed = column[b] + share * (column[a] - column[b]);
        column.insert(column.end(), static_cast<std::size_t>(copies), mixed);
      }
      if (classifies()) {
        repeat_truth(a, out_.weights[a] * share);
        repeat_truth(b, out_.weights[b] * (1 - share));
      } else {
        const float target = out_.targets[b] + share * (out_.targets[a] - out_.targets[b]);
        repeat_truth(a, out_.weights[b] + share * (out_.weights[a] - out_.weights[b]));
        out_.targets.back() = target;
      }
    }
  }

  const TrainingData& data_;
  const AugmentOptions& options_;
  std::uint64_t seed_;
  const Threads& threads_;
  AugmentedRows out_;
  std::vector<std::vector<float>> columns_;
};

}  // namespace

bool augments(const AugmentOptions& options) {
  return options.sampling != "none" || options.class_weight != "none" || options.noise > 0 || options.mixup > 0;
}

Result<AugmentedRows> augment(const TrainingData& data, const AugmentOptions& options, std::uint64_t seed,
                              const Threads& threads) {
  return Augmenter(data, options, seed, threads).run();
}

}  // namespace slipway::learners
