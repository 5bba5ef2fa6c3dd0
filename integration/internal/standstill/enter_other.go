//go:build !linux || !amd64

package standstill

// Supported reports whether Enter works on this platform.
const Supported = false

// Enter returns ErrUnsupported.
func Enter(*Clock) error { return ErrUnsupported }
