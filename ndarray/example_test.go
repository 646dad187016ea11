package ndarray_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"example.com/atrium/ndarray"
)

func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "table.npy")

	table, err := ndarray.Create[float64](path, 3, 4) // zeros, of their full size on disk
	if err != nil {
		log.Fatal(err)
	}
	defer table.Close()
	for i, row := range table.Rows() {
		for j := range row {
			row[j] = float64(10*i + j)
		}
	}

	seen, err := ndarray.Map[float64](path) // the same pages, read-only
	if err != nil {
		log.Fatal(err)
	}
	defer seen.Close()
	fmt.Println(seen.Row(2), seen.Transpose().Sub(1).At(0))

	_, err = ndarray.Map[float32](path)
	fmt.Println(err != nil)
	// Output:
	// [20 21 22 23] 1
	// true
}

func ExampleArray_BlocksHalo() {
	image, err := ndarray.FromSlice(make([]uint8, 10*4), 10, 4)
	if err != nil {
		log.Fatal(err)
	}
	for _, b := range image.BlocksHalo(4, 1) {
		fmt.Printf("rows %d to %d, looking at %d to %d\n", b.Lo, b.Hi, b.HaloLo, b.HaloHi)
	}
	// Output:
	// rows 0 to 4, looking at 0 to 5
	// rows 4 to 8, looking at 3 to 9
	// rows 8 to 10, looking at 7 to 10
}

func ExampleAny_Reshape() {
	a, err := ndarray.FromSlice([]int32{1, 2, 3, 4, 5, 6})
	if err != nil {
		log.Fatal(err)
	}
	m, err := a.Reshape(2, -1)
	fmt.Println(m.Row(1), err)
	_, err = m.Transpose().Reshape(6)
	fmt.Println(err)
	// Output:
	// [4 5 6] <nil>
	// atrium: reshape array: wrong shape: (3, 2) with strides [4 12] has no view of shape (6,): Copy it into a contiguous array first
}
