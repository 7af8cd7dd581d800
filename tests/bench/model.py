# SPDX-License-Identifier: LGPL-2.1-or-later
"""How far more cores would carry it: a model, with what this run measured put in."""

from goals import median_of

CORES = (1, 2, 4, 8, 16, 64)
IRQ_NS = 300  # of the kernel's thread for page requests, for each; there is one per IOMMU
CORES_PER_IOMMU = 16


def rate(cores, fault_ns, loss):
    """Faults per second: shards, one for each core but those of the kernel's threads, lose
    `loss` to each further one; no IOMMU's thread takes more than it can."""
    iommus = max(1, cores // CORES_PER_IOMMU)
    shards = max(1, cores - iommus) if cores > 1 else 1
    of_shards = shards / (1 + loss * (shards - 1)) * 1e9 / fault_ns
    return min(of_shards, iommus * 1e9 / IRQ_NS)


def print_model(results):
    measured = {
        "random, mock": median_of(results, "B3", "ours", "cpu_ns_per_fault"),
        "in order, mock": median_of(results, "B4", "ours", "cpu_ns_per_fault"),
        "sim, device included": median_of(results, "B10", "ours", "sim_shards1_cpu_ns_per_fault"),
    }
    speedup = median_of(results, "B10", "ours", "shards_cpu_speedup")
    if not speedup or not any(measured.values()):
        return
    loss = max(0, 2 / speedup - 1)
    print(f"\nModel of scaling (not measured). Put in: the CPU of a fault below, {loss:.1%} that each further shard"
          f"\ncosts the others (CPU of two shards beside that of one), {IRQ_NS} ns in the kernel's one thread for each"
          f"\nIOMMU, an IOMMU for every {CORES_PER_IOMMU} cores. faults/s on so many cores:")
    print(f"{'':22} {'ns each':>8} " + " ".join(f"{c:>7}" for c in CORES))
    for name, fault_ns in measured.items():
        if fault_ns:
            print(f"{name:22} {fault_ns:8.0f} " + " ".join(f"{rate(c, fault_ns, loss) / 1e3:6.0f}k" for c in CORES))
    queues = {who: median_of(results, "B10", who, "queues4_faults_per_s") for who in ("ours", "a")}
    if all(queues.values()):
        of_four = rate(4, 1e9 / queues["ours"], loss) / queues["a"]
        print(f"64 devices on 4 queues (B10) on 4 cores: {of_four:.1f} times (a), which has one thread (wanted: 6)")
