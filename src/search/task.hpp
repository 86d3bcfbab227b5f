// What the files of this room share: metrics by task.
#pragma once
#include <slipway/metrics/metrics.hpp>
#include <slipway/search/search.hpp>

namespace slipway::search {

inline constexpr std::uint64_t random_search_key =
    0x73656172636821;  // keeps random search's numbers apart from others'

inline metrics::TaskKind kind_of(model::Task task) {
  return task == model::Task::binary       ? metrics::TaskKind::binary
         : task == model::Task::multiclass ? metrics::TaskKind::multiclass
                                           : metrics::TaskKind::regression;
}

// The metric of that name, which must suit the task; "auto" is the task's default.
Result<const metrics::Metric*> metric_of(const std::string& name, model::Task task);

// The chosen candidates in groups that agree in all that does not nest, in order of first appearance.
std::vector<FitGroup> groups_of(const learners::Learner& learner, std::span<const learners::Settings> candidates,
                                std::span<const std::size_t> chosen);

}  // namespace slipway::search
