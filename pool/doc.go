// Package pool runs functions in worker processes that see the same arrays.
//
//	var brighten = pool.Func("brighten", func(ctx context.Context, rows ndarray.Array[float32]) (float64, error) { … })
//
//	func main() {
//		atrium.Main()
//		p, err := pool.New(ctx, pool.Config{})
//		defer p.Close()
//		sums, err := brighten.Map(ctx, p, img.Blocks(64))
//
// A Pool is worker processes, a Function something they run, by name, a Future the result of one call. Values are copied by a codec chosen
// from their type; arrays, wherever they stand in a value, go by reference: the worker sees the same pages.
//
// # Arrays in results
//
// An unnamed array that a function made and returns becomes the caller's, who closes it. One in the worker's heap, and a view of a larger
// unnamed array, are copied once into a new shared one. Named arrays and files are referred to.
//
// # When a worker dies
//
// Its running task is tried again as often as Options.Retries says (0 unless set: writes in place are not undone), else ends
// with a *WorkerError that wraps ErrWorkerDied; tasks that only waited in the worker's queue move on. The worker is replaced and the pool stays usable.
package pool
