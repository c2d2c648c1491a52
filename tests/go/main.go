// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause

// A static program on cilium/ebpf that knows nothing of skep: a tracepoint through a ring buffer, a user
// function through a perf buffer.
//
//	main OBJECT BINARY SYMBOL
//
// It says "ready" when both are attached, then what arrives, until it has seen both kinds.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/perf"
	"github.com/cilium/ebpf/ringbuf"
)

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func main() {
	objs := struct {
		OnOpen *ebpf.Program `ebpf:"on_open"`
		OnCall *ebpf.Program `ebpf:"on_call"`
		Opens  *ebpf.Map     `ebpf:"opens"`
		Calls  *ebpf.Map     `ebpf:"calls"`
	}{}
	spec, err := ebpf.LoadCollectionSpec(os.Args[1])
	must(err)
	must(spec.LoadAndAssign(&objs, nil))
	tp, err := link.Tracepoint("syscalls", "sys_enter_openat", objs.OnOpen, nil)
	must(err)
	defer tp.Close()
	exe, err := link.OpenExecutable(os.Args[2])
	must(err)
	up, err := exe.Uprobe(os.Args[3], objs.OnCall, nil)
	must(err)
	defer up.Close()
	ring, err := ringbuf.NewReader(objs.Opens)
	must(err)
	calls, err := perf.NewReader(objs.Calls, 4096)
	must(err)

	opens := make(chan string, 100)
	go func() {
		for {
			r, err := ring.Read()
			if err != nil {
				return
			}
			opens <- string(r.RawSample[:bytes.IndexByte(append(r.RawSample, 0), 0)])
		}
	}()
	pids := make(chan uint64, 100)
	go func() {
		for {
			r, err := calls.Read()
			if err != nil {
				return
			}
			if len(r.RawSample) >= 8 {
				pids <- binary.LittleEndian.Uint64(r.RawSample)
			}
		}
	}()
	fmt.Println("ready")
	for file, called := false, false; !file || !called; {
		select {
		case path := <-opens:
			if path == "/tmp/work-file" && !file {
				fmt.Println("open", path)
				file = true
			}
		case pid := <-pids:
			if !called {
				fmt.Println("call by", pid > 0)
				called = true
			}
		}
	}
}
