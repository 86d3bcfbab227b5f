"""A two-class forest of scikit-learn as an XGBoost file whose prediction is the second class's probability."""

import json

import numpy as np


def write(forest, columns, path):
    """scikit-learn goes left where a float32 is <= a double threshold; XGBoost where it is < a float32."""
    count = str(len(columns))
    trees = []
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        at = tree.threshold.astype(np.float32)
        at = np.where(at > tree.threshold, at, np.nextafter(at, np.float32(np.inf)))
        leaf = tree.children_left < 0
        share = tree.value[:, 0, 1] / tree.value[:, 0, :].sum(axis=1)
        parents = np.full(tree.node_count, 2147483647)
        for child in (tree.children_left, tree.children_right):
            parents[child[~leaf]] = np.flatnonzero(~leaf)
        trees.append(
            {
                "base_weights": [0.0] * tree.node_count,
                "categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": [],
                "default_left": [0] * tree.node_count,
                "id": number,
                "left_children": tree.children_left.tolist(),
                "loss_changes": [0.0] * tree.node_count,
                "parents": parents.tolist(),
                "right_children": tree.children_right.tolist(),
                "split_conditions": [float(v) for v in np.where(leaf, share / len(forest.estimators_), at)],
                "split_indices": np.where(leaf, 0, tree.feature).tolist(),
                "split_type": [0] * tree.node_count,
                "sum_hessian": tree.weighted_n_node_samples.tolist(),
                "tree_param": {"num_deleted": "0", "num_feature": count, "num_nodes": str(tree.node_count), "size_leaf_vector": "1"},
            }
        )  # fmt: skip
    model = {
        "learner": {
            "attributes": {},
            "feature_names": columns,
            "feature_types": ["float"] * len(columns),
            "gradient_booster": {
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": trees,
                },
                "name": "gbtree",
            },
            "learner_model_param": {"base_score": "0", "boost_from_average": "0", "num_class": "0", "num_feature": count, "num_target": "1"},
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
        "version": [3, 2, 0],
    }  # fmt: skip
    path.write_text(json.dumps(model))
