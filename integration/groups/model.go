package groups

import (
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// A model is a read model in memory that processes share: for each partition the last
// event that took effect, and the highest epoch of those who wrote. An owner with a lower
// epoch is refused.
type model struct{ cells []atomic.Uint64 } // epoch and event, 32 bits of each

func openModel(path string, partitions int) (*model, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	size := 8 * partitions
	if err := file.Truncate(int64(size)); err != nil {
		return nil, err
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &model{unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&memory[0])), partitions)}, nil
}

// take refuses those with a lower epoch from now on.
func (m *model) take(partition int, epoch uint64) { m.change(partition, epoch, 0) }

// apply lets an event take effect, unless it has already. It reports false if the epoch is
// refused.
func (m *model) apply(partition int, epoch uint64, n event) bool {
	return m.change(partition, epoch, n)
}

func (m *model) change(partition int, epoch uint64, n event) bool {
	cell := &m.cells[partition]
	for {
		is := cell.Load()
		if is>>32 > epoch {
			return false
		}
		if cell.CompareAndSwap(is, epoch<<32|max(is&(1<<32-1), uint64(n))) {
			return true
		}
	}
}
