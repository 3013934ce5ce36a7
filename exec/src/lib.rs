//! Graph to plan to result: fusion, schedule, memory, and the engines that run it.
