// Denoise a picture: denoise MODEL.onnx PICTURE.ppm LEVEL OUTPUT.ppm [REFERENCE.ppm]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <openvino/openvino.hpp>

struct Picture {
    size_t width = 0, height = 0;
    std::vector<uint8_t> rgb;
};

Picture read_ppm(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::string magic;
    Picture picture;
    int white = 0;
    file >> magic >> picture.width >> picture.height >> white;
    file.get();
    if (!file || magic != "P6" || white != 255)
        throw std::runtime_error(path + ": not a binary 8-bit PPM");
    picture.rgb.resize(3 * picture.width * picture.height);
    file.read(reinterpret_cast<char*>(picture.rgb.data()), picture.rgb.size());
    if (!file)
        throw std::runtime_error(path + ": ends too early");
    return picture;
}

void write_ppm(const std::string& path, const Picture& picture) {
    std::ofstream file(path, std::ios::binary);
    file << "P6\n" << picture.width << " " << picture.height << "\n255\n";
    file.write(reinterpret_cast<const char*>(picture.rgb.data()), picture.rgb.size());
    if (!file.flush())
        throw std::runtime_error(path + ": cannot be written");
}

Picture denoise(ov::InferRequest& request, const Picture& noisy, float level) {
    const size_t area = noisy.width * noisy.height;
    ov::Tensor image(ov::element::f32, {1, 3, noisy.height, noisy.width});
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++)
            image.data<float>()[c * area + i] = noisy.rgb[3 * i + c] * (1 / 255.0f);
    ov::Tensor sigma(ov::element::f32, {1, 1, 1, 1});
    sigma.data<float>()[0] = level / 255;

    request.set_tensor("image", image);
    request.set_tensor("sigma", sigma);
    request.infer();

    const ov::Tensor output = request.get_tensor("restored");
    const float* restored = output.data<float>();
    Picture clean = noisy;
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++)
            clean.rgb[3 * i + c] =
                std::lrint(std::clamp(restored[c * area + i], 0.0f, 1.0f) * 255);
    return clean;
}

int main(int count, char** words) try {
    if (count < 5)
        throw std::runtime_error("denoise MODEL.onnx PICTURE.ppm LEVEL OUTPUT.ppm [REFERENCE.ppm]");
    ov::Core core;
    // Where a CPU has bf16 or fp16, OpenVINO may compute in it unless told not to.
    ov::CompiledModel model =
        core.compile_model(words[1], "CPU", ov::hint::inference_precision(ov::element::f32));
    ov::InferRequest request = model.create_infer_request();
    const Picture noisy = read_ppm(words[2]);

    const auto start = std::chrono::steady_clock::now();
    const Picture clean = denoise(request, noisy, std::stof(words[3]));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::cout << "inference: " << took.count() << " s\n";
    write_ppm(words[4], clean);

    if (count > 5) {
        const Picture other = read_ppm(words[5]);
        if (other.rgb.size() != clean.rgb.size())
            throw std::runtime_error("the reference has another size");
        int largest = 0;
        for (size_t i = 0; i < clean.rgb.size(); i++)
            largest = std::max(largest, std::abs(clean.rgb[i] - other.rgb[i]));
        std::cout << "largest difference: " << largest << "\n";
    }
} catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
}
