"""What a report shows of a release, as plain values: choices, histograms, timelines. No pictures, no pages."""
