package kernel

import (
	"context"
	"errors"

	"example.com/atrium/ndarray"
	"example.com/atrium/ndarray/npy"
	"example.com/atrium/pool"
)

// Order is a Block of the last pass for a worker that cannot write where its result goes: it makes an array of that shape.
type Order struct {
	Block Block // without Out
	DType string
	Shape []int
}

// Away is Call for the last pass in workers on other machines, which give the block's result.
func (k *Kernel) Away() *pool.Function[Order, ndarray.Any] { return k.away }

func (k *Kernel) make(ctx context.Context, o Order) (ndarray.Any, error) {
	dtype, err := npy.ParseDType(o.DType)
	if err != nil {
		return ndarray.Any{}, err
	}
	out, err := ndarray.NewAny(pool.Space(ctx), "", dtype, false, o.Shape...)
	if err != nil {
		return ndarray.Any{}, err
	}
	o.Block.Out = out
	if _, err := k.block(ctx, o.Block); err != nil {
		return ndarray.Any{}, errors.Join(err, out.Close())
	}
	return out, nil
}
