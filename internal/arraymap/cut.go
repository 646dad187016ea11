package arraymap

import (
	"fmt"

	"example.com/atrium/ndarray"
)

// cut is how axis 0 is divided into calls.
type cut struct {
	n, rows, halo int
	unit          string // plural, of n
}

// newCut never takes more rows, or more of them around, than there are.
func newCut(n, rows, halo int, unit string) cut {
	return cut{n: n, rows: max(1, min(rows, n)), halo: min(halo, n), unit: unit}
}

func (c cut) calls() int { return (c.n + c.rows - 1) / c.rows }

// block is the own part of call i, and with the halo.
func (c cut) block(i int) (lo, hi, from, to int) {
	lo = i * c.rows
	hi = min(c.n, lo+c.rows)
	return lo, hi, max(0, lo-c.halo), min(c.n, hi+c.halo)
}

// describe names what call i got, "item 17 of 0…511", "rows 128…191 of 0…511".
func (c cut) describe(i int) string {
	lo, hi, _, _ := c.block(i)
	one := c.unit[:len(c.unit)-1]
	if hi-lo == 1 {
		return fmt.Sprintf("%s %d of 0…%d", one, lo, c.n-1)
	}
	return fmt.Sprintf("%s %d…%d of 0…%d", c.unit, lo, hi-1, c.n-1)
}

// blockBytes is about how much input a built-in function gets in one call: much more than a call costs, little enough
// for a cache and for many calls.
const blockBytes = 2 << 20

// rowsFor chooses how many rows make a block.
func rowsFor(in ndarray.Any, n, workers, halo int, stack bool) int {
	each := max(1, in.NBytes()/max(1, n))
	rows := max(1, blockBytes/each)
	few := 16 // rows, that what is done once for a block does not count
	if stack {
		few = 1
	}
	fair := (n + 4*workers - 1) / (4 * workers) // some blocks for each worker
	return max(1, min(rows, max(fair, few, 4*halo)))
}
