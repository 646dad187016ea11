package mptest

func init() { grace /= 20 } // what tests leave on purpose has not to be waited for
