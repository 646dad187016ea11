// Package gonumx gives gonum's matrices and vectors over arrays, and arrays over
// those, without copying: both sides see the same elements.
//
// What gonum gets is an ordinary slice of the array's memory, which does not
// keep a mapping open: the array must stay open as long as the matrix is used.
// Writing to the matrix of a read-only array is a memory fault, as gonum does
// not know of such.
package gonumx

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"example.com/atrium/ndarray"
)

// General views a 2-d array whose rows are contiguous and at regular distance,
// as all in C order and their slices along either axis with step 1 are. The
// error wraps ndarray.ErrShape and says what to do.
func General(a ndarray.Array[float64]) (blas64.General, error) {
	data, stride, ok := a.Strided()
	if a.NDim() != 2 || !ok {
		return blas64.General{}, fmt.Errorf("gonumx: %w: no matrix in rows: %s with strides %v; for Fortran order give a.Transpose() and use the matrix's T(), else Copy the array",
			ndarray.ErrShape, a.Any, a.Strides())
	}
	shape := a.Shape()
	return blas64.General{Rows: shape[0], Cols: shape[1], Stride: stride, Data: data}, nil
}

// Dense is General as a *mat.Dense. An array with no elements gives an empty
// Dense, which has no dimensions.
func Dense(a ndarray.Array[float64]) (*mat.Dense, error) {
	g, err := General(a)
	if err != nil {
		return nil, err
	}
	m := new(mat.Dense)
	if a.Size() > 0 {
		m.SetRawMatrix(g)
	}
	return m, nil
}

// Vector views a 1-d array with a stride that is not negative; the error wraps
// ndarray.ErrShape.
func Vector(a ndarray.Array[float64]) (blas64.Vector, error) {
	data, inc, ok := a.Strided()
	if a.NDim() != 1 || !ok {
		return blas64.Vector{}, fmt.Errorf("gonumx: %w: no vector: %s with strides %v", ndarray.ErrShape, a.Any, a.Strides())
	}
	return blas64.Vector{N: a.Len(), Inc: inc, Data: data}, nil
}

// VecDense is Vector as a *mat.VecDense, empty for an array with no elements.
func VecDense(a ndarray.Array[float64]) (*mat.VecDense, error) {
	v, err := Vector(a)
	if err != nil {
		return nil, err
	}
	m := new(mat.VecDense)
	if v.N > 0 {
		m.SetRawVector(v)
	}
	return m, nil
}

// FromGeneral views a matrix as an array; the error wraps ndarray.ErrShape when
// its fields contradict each other.
func FromGeneral(g blas64.General) (ndarray.Array[float64], error) {
	return strided(g.Data, []int{g.Rows, g.Cols}, g.Stride, 1)
}

// FromDense views the elements of m, transposed or sliced as they may be in it.
func FromDense(m mat.RawMatrixer) (ndarray.Array[float64], error) { return FromGeneral(m.RawMatrix()) }

// FromVector views a vector as an array; the error wraps ndarray.ErrShape when
// its fields contradict each other or Inc is negative.
func FromVector(v blas64.Vector) (ndarray.Array[float64], error) {
	return strided(v.Data, []int{v.N}, v.Inc)
}

// FromVecDense views the elements of v.
func FromVecDense(v mat.RawVectorer) (ndarray.Array[float64], error) {
	return FromVector(v.RawVector())
}

func strided(data []float64, shape []int, steps ...int) (ndarray.Array[float64], error) {
	const size = 8
	for i, s := range steps {
		if s < 0 || s > math.MaxInt/size {
			return ndarray.Array[float64]{}, fmt.Errorf("gonumx: %w: stride %d", ndarray.ErrShape, s)
		}
		steps[i] = s * size
	}
	return ndarray.FromStrided(data, shape, steps)
}
