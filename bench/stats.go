package main

import (
	"math/rand/v2"
	"slices"
)

// median is the middle of v, or the mean of the two in the middle.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// resamples makes the ends of an interval repeatable to about one per cent of its width.
const resamples = 10_000

// interval is the 95 % percentile bootstrap interval of v's median (Efron and Tibshirani 1993, chapter 13). The
// seed is fixed: the same rounds give the same interval.
func interval(v []float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	medians := make([]float64, resamples)
	sample := make([]float64, len(v))
	for i := range medians {
		for j := range sample {
			sample[j] = v[rng.IntN(len(v))]
		}
		medians[i] = median(sample)
	}
	slices.Sort(medians)
	return medians[resamples*25/1000], medians[resamples*975/1000-1]
}
