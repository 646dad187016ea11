package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"example.com/atrium/shm"
)

// byteSize is a flag for a number of bytes: 1000, 64KiB, 512M, 2GiB. Units are binary, and K is KiB.
type byteSize int64

// String is how --help shows the default.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return strings.ReplaceAll(shm.Bytes(int64(*b)), " ", "")
}

// Type is what --help calls the value.
func (b *byteSize) Type() string { return "bytes" }

// Set reads a value.
func (b *byteSize) Set(s string) error {
	number, shift := strings.TrimSpace(s), 0
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "i")
	if n := len(number); n > 0 {
		if i := strings.IndexByte("KMGT", number[n-1]&^0x20); i >= 0 && number[n-1] > '9' {
			number, shift = number[:n-1], 10*(i+1)
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	if f = math.Ldexp(f, shift); err != nil || math.IsNaN(f) || f < 0 || f >= 1<<62 {
		return fmt.Errorf("%q is no number of bytes: write one such as 1000000, 64KiB, 512MiB or 2GiB", s)
	}
	*b = byteSize(f)
	return nil
}
