// Checks and weights of training data that do not depend on the learner: shared by all learners.
#pragma once
#include <slipway/learners/learner.hpp>

namespace slipway::learners {

// Errors: no rows or features, lengths that differ, labels out of range, a target that is not finite, weights that are
// negative, not finite or all 0.
Status check_training_data(const TrainingData& data);

// class_weight of a learner that takes "none", "balanced" or one number per class ("1, 4"): what can be said before the
// data are known, and with them.
Status check_class_weight(const std::string& text);
Status check_class_weight(const std::string& text, const TrainingData& data);

// Row weights times class weights; empty if all are 1. `class_weight` is one that check_class_weight lets pass;
// "balanced" weighs each class by the inverse of its share of the weight (as scikit-learn: total / (classes present *
// weight of the class)); `positive` multiplies the weight of class 1.
std::vector<float> effective_weights(const TrainingData& data, const std::string& class_weight, double positive = 1);

// "1, 0, -1": a monotonic constraint per feature (1: the prediction may only rise with it, -1: only fall); empty for
// "none" and for zeros only.
Result<std::vector<std::int8_t>> read_directions(const std::string& text);
// Errors: not one per feature.
Status check_directions(std::size_t directions, std::size_t features);

// "1, 10": a weight per class, in the order of the classes; each finite and >= 0, one above 0.
Result<std::vector<double>> read_class_weights(const std::string& text);

}  // namespace slipway::learners
