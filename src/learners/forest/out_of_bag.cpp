#include "forest/out_of_bag.hpp"

#include <fmt/format.h>

#include <slipway/base/text.hpp>
#include <slipway/metrics/metrics.hpp>

#include "tree/cut.hpp"

namespace slipway::learners::forest {
namespace {

using tree::GrownNode;
using tree::GrownTree;
using tree::TrainingRows;

class OutOfBag {
 public:
  OutOfBag(const TrainingRows& rows, const tree::GrowthSettings& settings)
      : rows_(rows),
        settings_(settings),
        outputs_(static_cast<std::size_t>(rows.outputs)),
        sums_(rows.rows() * outputs_, 0),
        trees_of_(rows.rows(), 0) {}

  // Adds trees number first ... to the sums.
  void add(std::span<const GrownTree> trees, std::size_t first, const Threads& threads) {
    std::vector<std::vector<std::uint8_t>> bags(trees.size());
    std::vector<std::vector<std::uint8_t>> cuts(trees.size());
    threads.for_each(trees.size(), [&](std::size_t k) {
      bags[k].resize(rows_.rows());
      tree::draw_rows(settings_, first + k, bags[k]);
      cuts[k] = tree::cut_nodes(trees[k], settings_.stop);
    });
    threads.for_ranges(rows_.rows(), 1024, [&](std::size_t begin, std::size_t end) {
      for (std::size_t k = 0; k < trees.size(); ++k)
        for (std::size_t row = begin; row < end; ++row) {
          if (bags[k][row] != 0) continue;
          const std::size_t leaf = leaf_of(trees[k], cuts[k], row);
          for (std::size_t output = 0; output < outputs_; ++output)
            sums_[row * outputs_ + output] += trees[k].values[leaf * outputs_ + output];
          ++trees_of_[row];
        }
    });
  }

  std::size_t covered() const {
    return static_cast<std::size_t>(
        std::count_if(trees_of_.begin(), trees_of_.end(), [](std::uint32_t trees) { return trees > 0; }));
  }

  // Of the rows that have trees: {name, value}.
  Result<std::vector<std::pair<std::string_view, double>>> scores() const {
    const std::size_t count = covered();
    std::vector<std::int32_t> labels;
    std::vector<float> truth;
    std::vector<float> predicted(count * std::max<std::size_t>(outputs_, 2));
    std::size_t next = 0;
    for (std::size_t row = 0; row < rows_.rows(); ++row) {
      if (trees_of_[row] == 0) continue;
      const auto mean = [&](std::size_t output) {
        return static_cast<float>(sums_[row * outputs_ + output] / trees_of_[row]);
      };
      if (rows_.task == model::Task::regression) {
        truth.push_back(static_cast<float>(rows_.target_offset + rows_.target_step * rows_.targets[row]));
        predicted[next] = mean(0);
      } else {
        labels.push_back(rows_.label(row));
        if (rows_.task == model::Task::binary) {
          predicted[next] = 1 - mean(0);
          predicted[count + next] = mean(0);
        } else {
          for (std::size_t output = 0; output < outputs_; ++output) predicted[output * count + next] = mean(output);
        }
      }
      ++next;
    }
    if (rows_.task == model::Task::regression) {
      predicted.resize(count);
      SLIPWAY_TRY(const double r2, metrics::r2(truth, predicted));
      SLIPWAY_TRY(const double root, metrics::root_mean_squared_error(truth, predicted));
      return std::vector<std::pair<std::string_view, double>>{{"r2", r2}, {"squared_error", root * root}};
    }
    const metrics::ScoreTable table{count, static_cast<std::size_t>(rows_.classes), predicted};
    SLIPWAY_TRY(const double loss, metrics::log_loss(labels, table));
    const std::vector<std::int32_t> classes = metrics::predicted_classes(table);
    double right = 0;
    for (std::size_t row = 0; row < count; ++row) right += classes[row] == labels[row] ? 1 : 0;
    return std::vector<std::pair<std::string_view, double>>{{"accuracy", right / static_cast<double>(count)},
                                                            {"log_loss", loss}};
  }

 private:
  std::size_t leaf_of(const GrownTree& tree, const std::vector<std::uint8_t>& cut, std::size_t row) const {
    const std::uint8_t* codes = rows_.codes->row_codes() + row * rows_.codes->stride();
    std::size_t at = 0;
    while (tree.nodes[at].left != 0 && cut[at] == 0) {
      const GrownNode& node = tree.nodes[at];
      const auto code = static_cast<std::uint8_t>(codes[node.feature] + node.missing_left);
      at = node.left + (code > static_cast<std::uint8_t>(node.bin + node.missing_left) ? 1U : 0U);
    }
    return at;
  }

  const TrainingRows& rows_;
  const tree::GrowthSettings& settings_;
  std::size_t outputs_;
  std::vector<double> sums_;
  std::vector<std::uint32_t> trees_of_;
};

}  // namespace

Result<std::string> out_of_bag(const TrainingRows& rows, const tree::GrowthSettings& settings,
                               std::span<const GrownTree> trees, const Threads& threads, Progress& progress) {
  OutOfBag oob(rows, settings);
  const std::size_t at_once = progress.wants_records() ? 1 : 16;
  for (std::size_t first = 0; first < trees.size(); first += at_once) {
    if (progress.cancelled()) return stopped_by_user();
    const std::size_t count = std::min(at_once, trees.size() - first);
    oob.add(trees.subspan(first, count), first, threads);
    if (!progress.wants_records() || oob.covered() < 2) continue;
    SLIPWAY_TRY(const auto scores, oob.scores());
    RoundRecord record{first + 1, trees.size(), scores[1].first};
    record.validation = scores[1].second;
    progress.record(record);
  }
  if (oob.covered() < 2) return std::string("out of the bag: too few rows to say anything");
  SLIPWAY_TRY(const auto scores, oob.scores());
  return fmt::format("out of the bag ({} rows): {} {:.6g}, {} {:.6g}", oob.covered(), scores[0].first, scores[0].second,
                     scores[1].first, scores[1].second);
}

}  // namespace slipway::learners::forest
