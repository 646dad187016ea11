package ndarray

// Block is a run of rows with the rows around it that a computation looks at.
type Block[T Element] struct {
	// View is the block's own rows and its halo: View.Row(i) is row HaloLo+i
	// of the array.
	View Array[T]
	// Lo ≤ row < Hi are the block's own rows in the array.
	Lo, Hi int
	// HaloLo ≤ row < HaloHi are those of View.
	HaloLo, HaloHi int
}

// Own is the block's own rows.
func (b Block[T]) Own() Array[T] { return b.View.Slice(b.Lo-b.HaloLo, b.Hi-b.HaloLo) }

// Blocks cuts axis 0 into views of rows each, the last one perhaps shorter. An
// array with no rows, or no axes, has no blocks. It panics when rows < 1.
func (a Array[T]) Blocks(rows int) []Array[T] {
	blocks := a.BlocksHalo(rows, 0)
	views := make([]Array[T], len(blocks))
	for i, b := range blocks {
		views[i] = b.View
	}
	return views
}

// BlocksHalo is Blocks with up to halo more rows in view on each side, as many
// as there are. Own rows meet without gap or overlap.
func (a Array[T]) BlocksHalo(rows, halo int) []Block[T] {
	if rows < 1 || halo < 0 {
		panic("ndarray: blocks need at least one row, and no negative halo")
	}
	n := a.Len()
	if n == 0 {
		return nil
	}
	blocks := make([]Block[T], 0, (n-1)/rows+1)
	for lo := 0; lo < n; {
		hi := lo + min(rows, n-lo)
		b := Block[T]{Lo: lo, Hi: hi, HaloLo: max(0, lo-halo), HaloHi: hi + min(halo, n-hi)}
		b.View = a.Slice(b.HaloLo, b.HaloHi)
		blocks = append(blocks, b)
		lo = hi
	}
	return blocks
}
