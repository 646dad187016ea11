package main

import (
	"math"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{
		{[]float64{3}, 3},
		{[]float64{9, 1}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		if got := median(c.v); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}

// For the median of n different values the exact bootstrap is known: a resample's median is at most the k-th value when at
// least (n+1)/2 of n draws are, each with probability k/n. The 2.5 % points are then 3 and 9 of 11, and 8 and 18 of 25.
func TestInterval(t *testing.T) {
	for _, c := range []struct {
		n         int
		low, high float64
	}{{1, 1, 1}, {11, 3, 9}, {25, 8, 18}} {
		v := make([]float64, c.n)
		for i := range v {
			v[i] = float64((i*7)%c.n + 1) // 1 … n in another order
		}
		before := slices.Clone(v)
		if low, high := interval(v); low != c.low || high != c.high {
			t.Errorf("interval of 1 … %d is %v to %v, want %v to %v", c.n, low, high, c.low, c.high)
		}
		if !slices.Equal(v, before) {
			t.Error("the rounds' order was changed")
		}
	}
}

func TestIntervalIsRepeatable(t *testing.T) {
	v := make([]float64, 301) // many values, so that another seed would show
	for i := range v {
		v[i] = math.Sqrt(float64(i))
	}
	low, high := interval(v)
	for range 3 {
		if l, h := interval(v); l != low || h != high {
			t.Errorf("the same values gave %v to %v, then %v to %v", low, high, l, h)
		}
	}
}

func TestCompare(t *testing.T) {
	var l line
	// Paired by round: the ratio of the medians would be 30/2 = 15.
	l.compare([]float64{1, 2, 4}, []float64{10, 30, 80}, microseconds)
	want := line{Ours: 2e6, Theirs: 3e7, Ratio: 15, Low: 10, High: 20, Rounds: 3}
	if l != want {
		t.Errorf("got %+v, want %+v", l, want)
	}
	l.compare([]float64{1, 10, 100}, []float64{2, 50, 100}, microseconds)
	if l.Ratio != 2 {
		t.Errorf("the median of the ratios 2, 5 and 1 is not %v", l.Ratio)
	}
}

func TestFigures(t *testing.T) {
	for in, want := range map[float64]float64{123456: 123500, 1.00004: 1, 0.00012345: 0.0001234, 0: 0} {
		if got := figures(in); math.Abs(got-want) > want*1e-12 {
			t.Errorf("figures(%v) = %v, want %v", in, got, want)
		}
	}
}
