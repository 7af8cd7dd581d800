/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the errors of VFIO's calls mean: one table, call and errno to a sentence that says
 * what is wrong and what to do. Two of them are looked into further, because the kernel has
 * one errno for many causes: ENODEV (which part of page requests is missing) and EINVAL for
 * virtual functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "device/vfio.h"

struct sentence {
	enum vfio_call call;
	int error;
	const char *text;
};

static const struct sentence sentences[] = {
	/* EACCES comes from the mode of the node, EPERM from the device controller of cgroups. */
	{ VFIO_OPEN, ENOENT, "the device node is missing: udev has not made it, or /dev/vfio is not in this "
			     "sandbox" },
	{ VFIO_OPEN, EACCES, "no permission: a udev rule must give it to the daemon's group: "
			     "SUBSYSTEM==\"vfio-dev\", GROUP=\"iopfd\", MODE=\"0660\"" },
	{ VFIO_OPEN, EPERM, "the sandbox does not allow it: the unit needs DeviceAllow=char-vfio-dev rw" },
	{ VFIO_OPEN, EBUSY, "another process uses it: stop that one first" },
	{ VFIO_OPEN, ENODEV, "the device is being removed or unbound from its driver" },
	{ VFIO_OPEN, EMFILE, "too many open files: raise LimitNOFILE=" },

	/* vfio_df_ioctl_bind_iommufd(), vfio_df_open(), iommufd_device_bind(). A device can be
	 * open through one fd only, and that it is already shows here, as EINVAL. */
	{ VFIO_BIND, EINVAL, "it is open already: another process, such as a driver that got its fd from OpenDevice, "
			     "must close it; or another [device] section names the same device; or else the IOMMU "
			     "is not cache-coherent" },
	{ VFIO_BIND, EBADF, "the iommufd is closed: this is a bug in iopfd" },
	{ VFIO_BIND, EBADFD, "the iommufd is no /dev/iommu: this is a bug in iopfd" },
	{ VFIO_BIND, EBUSY, "the device is in use through its legacy group (/dev/vfio/N), or its IOMMU group "
			    "is not in its default domain: stop the program that uses it" },
	{ VFIO_BIND, EPERM, "a device of the same IOMMU group is used by a host driver or another program: "
			    "bind the whole group to vfio-pci; or interrupts are not isolated: enable "
			    "interrupt remapping (or set iommufd.allow_unsafe_interrupts)" },
	{ VFIO_BIND, ENODEV, "the device has no IOMMU: enable it in the firmware and boot with "
			     "intel_iommu=on,sm_on; or its driver is going away" },
	{ VFIO_BIND, EACCES, "the kernel wants a VF token: the device is a virtual function, or a physical one "
			     "whose virtual functions are in use" },
	{ VFIO_BIND, EAGAIN, "the device could not be reset, something else holds its lock: try again" },
	{ VFIO_BIND, E2BIG, "the kernel does not know all of the request: this is a bug in iopfd" },

	/* vfio_df_ioctl_attach_pt(), iommufd_device_attach(), the IOMMU driver's attach_dev(). */
	{ VFIO_ATTACH, ENOENT, "the kernel does not know the page table: this is a bug in iopfd" },
	{ VFIO_ATTACH, EINVAL, "another device of its IOMMU group is attached elsewhere, or the page table "
			       "does not fit its IOMMU" },
	{ VFIO_ATTACH, ENODEV, "the device or its IOMMU has no page requests (ATS and PRI)" },
	{ VFIO_ATTACH, EADDRINUSE, "a region of the space covers addresses that are reserved for this device, "
				   "such as those of interrupts" },
	{ VFIO_ATTACH, EBUSY, "a device of its IOMMU group is being reset: try again" },
	{ VFIO_ATTACH, EFAULT, "what is mapped in the space could not be pinned for it" },
	{ VFIO_ATTACH, ENOMEM, "no memory: RLIMIT_MEMLOCK (LimitMEMLOCK=) or the machine's memory is used up" },
	{ VFIO_ATTACH, EOPNOTSUPP, "the IOMMU's driver does not support it" },

	{ VFIO_ATTACH_PASID, EINVAL, "the kernel refuses the PASID: it needs 6.15 or newer, a PASID that is "
				     "below the IOMMU's limit, and the device itself in a space made for PASIDs" },
	{ VFIO_ATTACH_PASID, EOPNOTSUPP, "PASIDs cannot be attached: neither AMD's IOMMU driver nor variant "
					 "VFIO drivers support it, only vfio-pci on Intel VT-d does" },
};

static const char *find_sentence(enum vfio_call call, int error)
{
	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++)
		if (sentences[i].call == call && sentences[i].error == error)
			return sentences[i].text;
	/* Attaching a PASID fails like attaching the device, but for what is listed. */
	return call == VFIO_ATTACH_PASID ? find_sentence(VFIO_ATTACH, error) : NULL;
}

/* Whether configuration space in sysfs has the capability; `unknown` when that does not show,
 * as to the unprivileged. */
static bool sysfs_has_ecap(const struct device *d, const char *name, uint16_t id, bool unknown)
{
	struct pci_config config = { 0 };
	char path[PATH_MAX];
	int r;

	if (snprintf(path, sizeof(path), "%s/%s", d->sysfs_path, name) >= (int)sizeof(path))
		return unknown;
	config.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (config.fd < 0)
		return unknown;
	r = pci_find_ecap(&config, id);
	close(config.fd);
	return r < 0 ? unknown : r > 0;
}

static bool is_vf_of_pri(const struct device *d)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/physfn", d->sysfs_path) >= (int)sizeof(path) || access(path, F_OK) < 0)
		return false;
	return sysfs_has_ecap(d, "physfn/config", PCI_ECAP_PRI, true);
}

static int explain_no_pri(const struct vfio *v, int error, struct reason *why)
{
	const struct device *d = &v->device;
	struct pci_config config;
	int ats = -1, pri = -1;

	if (vfio_config(v, &config) == 0) {
		ats = pci_find_ecap(&config, PCI_ECAP_ATS);
		pri = pci_find_ecap(&config, PCI_ECAP_PRI);
	}
	if (ats == 0)
		return reason_set(why, error, "no ATS capability: the device cannot ask for translations, so "
					      "it cannot have IO page faults");
	if (pri == 0)
		return reason_set(why, error, "no PRI capability: the device cannot ask for pages, so it "
					      "cannot have IO page faults");
	if (ats < 0 || pri < 0)
		return reason_set(why, error, "%s", find_sentence(VFIO_ATTACH, error));
	/* VFIO hides the PASID capability. */
	if (!pci_pri_needs_pasid(&config, pri) &&
	    (d->max_pasids || sysfs_has_ecap(d, "config", PCI_ECAP_PASID, false)))
		return reason_set(why, error, "the device has PASID, but not PRG Response PASID Required: the "
					      "kernel does not use its page requests");
	return reason_set(why, error, "the IOMMU has no page requests: it needs intel_iommu=on,sm_on (scalable "
				      "mode) and the extended capability PRS");
}

int vfio_explain(const struct vfio *v, enum vfio_call call, int error, struct reason *why)
{
	const char *text = find_sentence(call, error);
	const struct device *d = &v->device;

	if (!why)
		return -error;
	if (call >= VFIO_ATTACH && error == ENODEV)
		return explain_no_pri(v, error, why);
	if (call >= VFIO_ATTACH && error == EINVAL && is_vf_of_pri(d))
		return reason_set(why, error, "the device is a VF of a PRI-capable PF: the kernel refuses IO "
					      "page faults of virtual functions");
	if (!text)
		text = strerror(error);
	if (call == VFIO_OPEN)
		return reason_set(why, error, "cannot open %s: %s", d->vfio_device, text);
	return reason_set(why, error, "%s", text);
}
