// Command brighten makes the picture in a .npy file (float32, rows of samples from 0 to 1) brighter, in place, in worker
// processes that see the file's own pages.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"example.com/atrium"
	"example.com/atrium/ndarray"
	"example.com/atrium/pool"
)

// What workers run is registered by name, in a package variable. Arrays in arguments and results go by reference.
var brighten = pool.Func("brighten", func(ctx context.Context, rows ndarray.Array[float32]) (float64, error) {
	sum := 0.0
	for _, row := range rows.Rows() { // row is a []float32 of the shared pages
		for i, v := range row {
			row[i] = min(1.2*v, 1)
			sum += float64(row[i])
		}
	}
	return sum, nil
})

func main() {
	atrium.Main() // a worker process starts here and never returns
	ctx := context.Background()
	img, err := ndarray.MapRW[float32](os.Args[1]) // a file is shared memory too; Map is read-only
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	p, err := pool.New(ctx, pool.Config{}) // a worker process for each core
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	sums, err := brighten.Map(ctx, p, img.Blocks(64)) // blocks of 64 rows; nothing is copied
	if err != nil {
		log.Fatal(err)
	}
	total := 0.0
	for _, s := range sums {
		total += s
	}
	fmt.Printf("mean brightness now %.3f\n", total/float64(img.Size()))
}
