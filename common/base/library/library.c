#include "common/base/library/library.h"

#include <dlfcn.h>
#include <string.h>

int load_library(const struct library *library, void *ret_functions, struct fault *fault)
{
	void *handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		return set_fault(fault, FAULT_FAILED,
				 "%s needs the library %s: install the package %s (%s)",
				 library->needed_by, library->file, library->package, dlerror());
	for (size_t i = 0; i < library->count; i++) {
		const struct library_function *function = &library->functions[i];
		void *symbol = dlsym(handle, function->name);

		if (symbol == NULL)
			return set_fault(fault, FAULT_FAILED,
					 "%s: expected the function %s, found none: install the "
					 "package %s, version %s or newer",
					 library->file, function->name, library->package,
					 library->since);
		memcpy((char *)ret_functions + function->offset, &symbol, sizeof(symbol));
	}
	return 0;
}
