#pragma once

namespace tapeline::simulation {

// Takes huge pages from this process. A run makes hundreds of books that hold little, and of each array of
// theirs two megabytes would be cleared. For a program that simulates and does nothing else.
void use_small_pages();

}  // namespace tapeline::simulation
